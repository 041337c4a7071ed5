# Computes the table of a comparison of groups again from the values of the units, in base R, and compares it with the
# table that was exported.
#
#   Rscript reproduce_groups.R [FOLDER]
#
# FOLDER (default: the folder of this script's call) holds what the export wrote:
#   units.csv       unit (row), subject, level (numbers from 0)
#   values.csv      one row per unit, one column per feature; NA where a feature is not defined for a unit
#   features.csv    column, family, thing, description, measure
#   expected.csv    the exported table: feature, a, b (levels) and every statistic
#   covariates.csv  one row per unit, where the comparison is adjusted
#   settings.csv    within (1: subjects are compared with themselves), exact splits by pair of levels
#   labellings-A-B.txt.gz, resamples-A-B.txt.gz, orders-N.txt.gz: the random draws, so that p and intervals agree
# Writes reproduced.csv and stops with an error where a number differs by more than 1e-8.

options(digits = 17)
arguments <- commandArgs(trailingOnly = TRUE)
folder <- if (length(arguments) > 0) arguments[1] else "."
tiny <- 1e-12

read_table <- function(name) read.csv(file.path(folder, name), check.names = FALSE, stringsAsFactors = FALSE)
read_matrix <- function(name) {
  connection <- gzfile(file.path(folder, name))
  lines <- readLines(connection)
  close(connection)
  do.call(rbind, lapply(strsplit(lines, " ", fixed = TRUE), as.numeric))
}
over <- function(above, below) ifelse(below > 1e-15, above / below, NA_real_)
known_mean <- function(v) colSums(v, na.rm = TRUE) / pmax(colSums(!is.na(v)), 1)
spread_rows <- function(v, n) matrix(v, nrow = n, ncol = length(v), byrow = TRUE)

# ---- effect sizes under integer weights, one row of weights per resample ----

moments <- function(w, x) {
  known <- !is.na(x)
  centre <- ifelse(colSums(known) > 0, known_mean(x), 0)
  z <- sweep(x, 2, centre)
  z[!known] <- 0
  n <- w %*% known
  mean <- ifelse(n > tiny, (w %*% z) / n, NA_real_)
  variance <- over(w %*% (z * z) - n * mean^2, n - 1)
  rounding <- spread_rows(1e-12 * colSums(z * z), nrow(w))
  variance[!is.na(variance) & variance < rounding] <- 0
  list(n = n, mean = sweep(mean, 2, centre, "+"), variance = variance)
}

hedges_g <- function(wa, wb, a, b) {
  first <- moments(wa, a)
  second <- moments(wb, b)
  df <- first$n + second$n - 2
  pooled <- sqrt(over((first$n - 1) * first$variance + (second$n - 1) * second$variance, df))
  over(second$mean - first$mean, pooled) * (1 - 3 / pmax(4 * df - 1, 1))
}

paired_g <- function(w, a, b) {
  first <- moments(w, a)
  second <- moments(w, b)
  pooled <- sqrt((first$variance + second$variance) / 2)
  over(second$mean - first$mean, pooled) * (1 - 3 / pmax(4 * (first$n - 1) - 1, 1))
}

rank_biserial <- function(wa, wb, a, b) {
  pairs <- (wa %*% (!is.na(a))) * (wb %*% (!is.na(b)))
  total <- matrix(NA_real_, nrow(wa), ncol(a))
  for (f in seq_len(ncol(a))) {
    sign <- sign(outer(a[, f], b[, f], function(x, y) y - x))
    sign[is.na(sign)] <- 0
    total[, f] <- rowSums((wa %*% sign) * wb)
  }
  over(total, pairs)
}

paired_rank_biserial <- function(w, a, b) {
  difference <- b - a
  ranks <- apply(abs(difference), 2, rank, na.last = "keep")
  ranks[is.na(difference) | difference == 0] <- 0
  sign <- sign(difference)
  sign[is.na(sign)] <- 0
  over(w %*% (sign * ranks), w %*% ranks)
}

interval <- function(values) {
  apply(values, 2, function(v) {
    finite <- is.finite(v)
    if (mean(finite) > 0.5) unname(quantile(v[finite], c(0.025, 0.975), type = 7)) else c(NA_real_, NA_real_)
  })
}

# ---- permutation p: the share of labellings with a statistic at least as large ----

squared_error <- function(n, s, q) pmax(over(q - over(s * s, n), n - 1), 0) / pmax(n, 1)

p_value <- function(real, null, exact) {
  least <- spread_rows(real * (1 - 1e-9) - tiny, nrow(null))
  above <- colSums(ifelse(is.na(null), -1, null) >= least)
  tried <- colSums(is.finite(null))
  one <- if (exact) 0 else 1
  (one + above) / pmax(one + tried, 1)
}

standardised <- function(v) {
  mean <- known_mean(v)
  z <- sweep(v, 2, mean)
  spread <- sqrt(known_mean(z * z))
  out <- sweep(z, 2, pmax(spread, 1e-300), "/")
  flat <- !(spread > 1e-12 * abs(mean))
  out[, flat] <- ifelse(is.na(z[, flat]), NA_real_, 0)
  out
}

welch_t <- function(rows, v) {
  known <- !is.na(v)
  z <- ifelse(known, v, 0)
  half <- function(marks) {
    n <- marks %*% known
    s <- marks %*% z
    list(mean = over(s, n), error = squared_error(n, s, marks %*% (z * z)))
  }
  one <- half(rows)
  other <- half(1 - rows)
  abs((one$mean - other$mean) / sqrt(one$error + other$error + tiny))
}

paired_t <- function(signs, difference) {
  known <- !is.na(difference)
  z <- ifelse(known, difference, 0)
  s <- signs %*% z
  n <- spread_rows(colSums(known), nrow(signs))
  q <- spread_rows(colSums(z * z), nrow(signs))
  abs(over(s, n) / sqrt(squared_error(n, s, q) + tiny))
}

residual <- function(v, basis) v - basis %*% crossprod(basis, v)

# Freedman & Lane 1983: residuals of the model without the group change places.
adjusted <- function(values, group, covariates) {
  known <- !is.na(values)
  rows <- which(known)
  basis <- qr.Q(qr(cbind(1, covariates[rows, , drop = FALSE])))
  effect <- residual(matrix(group[rows]), basis)[, 1]
  free <- length(rows) - ncol(basis) - 1
  if (free < 2 || sum(effect^2) < 1e-9 * length(rows)) return(c(NA_real_, NA_real_))
  left <- residual(matrix(values[rows]), basis)[, 1]
  total <- max(sum(left^2), tiny)
  statistic <- function(moved) { # (B, n)
    along <- (moved %*% effect)[, 1]^2 / sum(effect^2)
    explained <- rowSums((moved %*% basis)^2)
    sqrt(along / pmax((total - explained - along) / free, tiny * total))
  }
  orders <- read_matrix(sprintf("orders-%d.txt.gz", length(rows))) + 1
  moved <- matrix(left[orders], nrow(orders))
  p <- p_value(statistic(matrix(left, 1)), matrix(statistic(moved)), FALSE)
  c(sum(effect * left) / sum(effect^2), p)
}

# ---- one pair of levels ----

settings <- read_table("settings.csv")
units <- read_table("units.csv")
values <- as.matrix(read_table("values.csv"))
features <- read_table("features.csv")
expected <- read_table("expected.csv")
within <- settings$within[1] == 1
covariates <- if (file.exists(file.path(folder, "covariates.csv"))) as.matrix(read_table("covariates.csv")) else NULL

one_pair <- function(a, b) {
  rows_a <- which(units$level == a)
  rows_b <- which(units$level == b)
  if (within) {
    both <- sort(intersect(units$subject[rows_a], units$subject[rows_b]))
    rows_a <- rows_a[match(both, units$subject[rows_a])]
    rows_b <- rows_b[match(both, units$subject[rows_b])]
  }
  wanted <- expected[expected$a == a & expected$b == b, ]
  wanted <- wanted[wanted$status == "tested", ]
  if (nrow(wanted) == 0) return(NULL)
  x <- values[rows_a, wanted$feature, drop = FALSE]
  y <- values[rows_b, wanted$feature, drop = FALSE]
  if (within) {
    lacking <- is.na(x) | is.na(y)
    x[lacking] <- NA
    y[lacking] <- NA
  }
  draws <- read_matrix(sprintf("resamples-%d-%d.txt.gz", a, b))
  labels <- read_matrix(sprintf("labellings-%d-%d.txt.gz", a, b))
  exact <- settings$exact[settings$a == a & settings$b == b] == 1
  ones_a <- matrix(1, 1, nrow(x))
  ones_b <- matrix(1, 1, nrow(y))
  if (within) {
    g <- paired_g(ones_a, x, y)[1, ]
    r <- paired_rank_biserial(ones_a, x, y)[1, ]
    g_interval <- interval(paired_g(draws, x, y))
    r_interval <- interval(paired_rank_biserial(draws, x, y))
    difference <- y - x
    difference <- sweep(difference, 2, pmax(sqrt(known_mean(difference^2)), 1e-300), "/")
    p <- p_value(paired_t(ones_a, difference)[1, ], paired_t(labels, difference), exact)
  } else {
    first <- draws[, seq_len(nrow(x)), drop = FALSE]
    second <- draws[, nrow(x) + seq_len(nrow(y)), drop = FALSE]
    g <- hedges_g(ones_a, ones_b, x, y)[1, ]
    r <- rank_biserial(ones_a, ones_b, x, y)[1, ]
    g_interval <- interval(hedges_g(first, second, x, y))
    r_interval <- interval(rank_biserial(first, second, x, y))
    z <- standardised(rbind(x, y))
    own <- matrix(c(rep(0, nrow(x)), rep(1, nrow(y))), 1)
    p <- p_value(welch_t(own, z)[1, ], welch_t(labels, z), exact)
  }
  result <- data.frame(
    feature = wanted$feature, a = a, b = b, n_a = colSums(!is.na(x)), n_b = colSums(!is.na(y)),
    mean_a = known_mean(x), mean_b = known_mean(y), difference = known_mean(y) - known_mean(x),
    hedges_g = g, g_low = g_interval[1, ], g_high = g_interval[2, ],
    rank_biserial = r, r_low = r_interval[1, ], r_high = r_interval[2, ], p = p
  )
  if (!is.null(covariates)) {
    beside <- covariates[c(rows_a, rows_b), , drop = FALSE]
    group <- c(rep(0, nrow(x)), rep(1, nrow(y)))
    found <- vapply(seq_len(ncol(x)), function(f) adjusted(c(x[, f], y[, f]), group, beside), numeric(2))
    result$p_unadjusted <- p
    result$adjusted_difference <- found[1, ]
    result$p <- found[2, ]
  }
  result
}

levels <- sort(unique(units$level))
pairs <- combn(levels, 2)
reproduced <- do.call(rbind, lapply(seq_len(ncol(pairs)), function(i) one_pair(pairs[1, i], pairs[2, i])))

# q: Benjamini–Hochberg within each family, and over all rows
reproduced <- merge(reproduced, features, by.x = "feature", by.y = "column", sort = FALSE)
reproduced$q <- ave(reproduced$p, reproduced$family, FUN = function(p) p.adjust(p, method = "BH"))
reproduced$q_all <- p.adjust(reproduced$p, method = "BH")

# ---- compared with what was exported ----

key <- function(table) paste(table$feature, table$a, table$b)
exported <- expected[match(key(reproduced), key(expected)), ]
largest <- 0
for (name in intersect(names(exported), names(reproduced))) {
  if (!is.numeric(exported[[name]]) || name %in% c("a", "b")) next
  if (any(is.na(exported[[name]]) != is.na(reproduced[[name]]))) stop("missing values differ in ", name)
  apart <- max(0, abs(exported[[name]] - reproduced[[name]]), na.rm = TRUE)
  cat(sprintf("%-20s largest difference %.3g\n", name, apart))
  largest <- max(largest, apart)
}
write.csv(reproduced, file.path(folder, "reproduced.csv"), row.names = FALSE)
if (largest > 1e-8) stop(sprintf("the tables differ by %.3g", largest))
cat(sprintf("%d rows agree to 1e-8\n", nrow(reproduced)))
