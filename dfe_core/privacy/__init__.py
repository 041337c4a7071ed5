"""Who a face belongs to: how well tokens tell it, what takes it out, what that costs, and bags that hide people."""
