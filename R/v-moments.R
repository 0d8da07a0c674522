moment_correlation <- function(moments) {
  spread <- sqrt(moments$var * t(moments$var))
  r <- ifelse(spread > 0, moments$cov / spread, 0)
  diag(r) <- 1
  r
}

fewest_rows <- 10

# Small data without missing values are as they are: there every pair has all rows.
rare_pairs <- function(n) n < min(fewest_rows, max(n))

# Said of conditions that are copies of one another: their correlation is one.
tell_equal_conditions <- function(z) {
  copies <- which(duplicated(lapply(seq_len(ncol(z)), \(r) unname(z[, r]))))
  if (!length(copies)) return(invisible())
  first <- which(colSums(z != z[, copies[1L]], na.rm = TRUE) == 0)[1L]
  tell_once(
    describe_index("condition", first, colnames(z)), " and ",
    describe_index("condition", copies[1L], colnames(z)), " have the same z-scores",
    and_more(length(copies), " copies"), ": with both `V` is singular; leave one of them out"
  )
}
