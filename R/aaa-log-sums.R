# Sums of what is known by its logarithm.

# Natural log of the sum of exponentials of each column.
log_sum_columns <- function(x) {
  top <- x[cbind(max.col(t(x), ties.method = "first"), seq_len(ncol(x)))]
  top[!is.finite(top)] <- 0
  top + log(colSums(exp(x - rep(top, each = nrow(x)))))
}
