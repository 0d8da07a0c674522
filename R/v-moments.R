moment_correlation <- function(moments) {
  spread <- sqrt(moments$var * t(moments$var))
  r <- ifelse(spread > 0, moments$cov / spread, 0)
  diag(r) <- 1
  r
}

fewest_rows <- 10

# Small data without missing values are as they are: there every pair has all rows.
rare_pairs <- function(n) n < min(fewest_rows, max(n))
