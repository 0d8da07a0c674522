# Some units of the data.
data_rows <- function(data, rows) {
  for (what in c("Bhat", "Shat", "Shat_alpha", "Shat_orig", "missing", "weight")) {
    if (!is.null(data[[what]])) data[[what]] <- data[[what]][rows, , drop = FALSE]
  }
  if (length(dim(data$V)) == 3L) data$V <- data$V[, , rows, drop = FALSE]
  data
}

# Data in memory as a source of chunks of nearly equal size.
rows_of_data <- function(data, n_chunks) {
  J <- nrow(data$Bhat)
  if (n_chunks > J) {
    stop_mnmash("argument", "`n_chunks` is ", n_chunks, ", but `chunk` has only ", J, " units")
  }
  start <- chunk_starts(J, n_chunks)
  function(i) data_rows(data, seq(start(i), start(i + 1) - 1))
}
