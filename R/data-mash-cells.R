# What comes with the effects cell by cell, or unit by unit: matched to them by name.

# What is given for each cell, as a J x R matrix in the order of Bhat: one number, one for each
# unit, or a matrix, which is matched by the names of its rows and columns.
like_bhat <- function(x, Bhat, name, to = as_typed("Bhat")) {
  x <- plain_matrix(x, name)
  J <- nrow(Bhat)
  if (is.numeric(x) && is.null(dim(x)) && length(x) == 1L && length(Bhat) != 1L) {
    return(matrix(as.double(x), J, ncol(Bhat)))
  }
  if (is.numeric(x) && is.null(dim(x)) && length(x) == J && ncol(Bhat) > 1L) {
    x <- align_vector(x, rownames(Bhat), J, name, "unit", to = to, more = "refuse")
    return(matrix(as.double(x), J, ncol(Bhat), dimnames = dimnames(Bhat)))
  }
  x <- as_numeric_matrix(x, name)
  if (!identical(dim(x), dim(Bhat)) && (is.null(rownames(x)) || is.null(rownames(Bhat)) ||
                                          nrow(x) == J) &&
        (is.null(colnames(x)) || is.null(colnames(Bhat)) || ncol(x) == ncol(Bhat))) {
    stop_mnmash(
      "dimension", as_typed(name), " must have the dimensions of ", to, " (", describe_dim(Bhat),
      "), or be one number for each unit, not ", describe_dim(x)
    )
  }
  x <- align_rows(x, rownames(Bhat), J, name, "unit", to = to, more = "refuse")
  align_columns(x, colnames(Bhat), ncol(Bhat), name, "condition", to = to, more = "refuse")
}

# Names that only the standard errors have are those of the effects too.
with_names_of <- function(Bhat, x) {
  if (length(dim(x)) != 2L || !identical(as.integer(dim(x)), dim(Bhat))) return(Bhat)
  for (side in 1:2) {
    if (is.null(dimnames(Bhat)[[side]]) && !is.null(dimnames(x)[[side]])) {
      automatic <- side == 1L && is.data.frame(x) && .row_names_info(x) < 0L
      names <- list(rownames(Bhat), colnames(Bhat))
      if (!automatic) names[[side]] <- dimnames(x)[[side]]
      dimnames(Bhat) <- names
    }
  }
  Bhat
}
