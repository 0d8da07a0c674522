# Effects of predictors as tables, for methods of fits.

# A row for each predictor (and condition): `columns` is a list by name of p numbers or p x r
# matrices. Those without names are numbered.
effects_table <- function(predictors, columns, conditions = NULL) {
  columns <- Filter(Negate(is.null), columns)
  p <- NROW(columns[[1L]])
  r <- NCOL(columns[[1L]])
  rows <- list(predictor = rep(if (is.null(predictors)) seq_len(p) else predictors, r))
  if (r > 1L || !is.null(conditions)) {
    rows$condition <- rep(if (is.null(conditions)) seq_len(r) else conditions, each = p)
  }
  data.frame(rows, lapply(columns, \(x) as.vector(unname(x))), stringsAsFactors = FALSE)
}

# The same under the words of package broom.
tidy_effects <- function(table) {
  words <- c(
    predictor = "term", unit = "term", condition = "response", outcome = "response",
    mean = "estimate", effect = "estimate", sd = "std.error"
  )
  at <- match(names(table), names(words))
  names(table)[!is.na(at)] <- words[at[!is.na(at)]]
  table
}
