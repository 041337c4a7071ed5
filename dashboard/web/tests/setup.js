// A busy machine takes longer: what is waited for may, too.

import { vi } from "vitest";

const { waitFor } = vi;
vi.waitFor = (callback, options) => waitFor(callback, options ?? { timeout: 10_000 });
