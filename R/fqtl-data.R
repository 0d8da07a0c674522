# What fqtl() is given, in one order: the samples are those of the predictors where these have names
# of samples, else those of the outcomes; the outcomes are those of Y; the predictors those of X.

# `given` is a list of the arguments that share samples, outcomes or predictors with Y and X. X may
# be NULL. A list of Y, X, covariates, var_covariates, terms, offset, weights, masks, size and
# library_size.
fqtl_data <- function(Y, X, given) {
  if (!is.null(X)) X <- plain_predictors(as_predictors(X))
  Y <- as_responses(Y, if (is.null(X)) NROW(Y) else nrow(X), samples = rownames(X))
  empty <- which(colSums(!is.na(Y)) < 2L)
  if (length(empty)) {
    stop_mnmash(
      "missing", "`Y` must have two observed values or more in each column: ",
      describe_index("column", empty[1L], colnames(Y)), " has not", and_more(length(empty))
    )
  }
  by <- list(
    n = nrow(Y), samples = first_names(rownames(X), rownames(Y)), outcomes = colnames(Y),
    m = ncol(Y), whose = if (is.null(rownames(X))) "`Y`" else "`X`"
  )
  rownames(Y) <- by$samples
  covariates <- with_intercept(given$covariates, "covariates", by)
  var_covariates <- with_intercept(given$var_covariates, "var_covariates", by)
  list(
    Y = Y, X = centred_predictors(X, by$n), covariates = covariates$x, terms = covariates$terms,
    var_covariates = var_covariates$x, offset = fqtl_offset(given$offset, by),
    weights = rows_of_samples(given$weights, "weights", by),
    masks = cis_masks(given$cis, colnames(X), NCOL(X), by), size = given$size,
    library_size = check_library_size(given$library_size, by)
  )
}

# list(values, means, spread), the spread being their mean variance.
centred_predictors <- function(X, n) {
  if (is.null(X)) return(list(values = matrix(0, n, 0L), means = numeric(), spread = 1))
  means <- colMeans(X)
  values <- X - rep(means, each = n)
  spread <- mean(values^2)
  if (spread == 0) stop_mnmash("argument", "`X` is constant: no column can have an effect")
  list(values = values, means = means, spread = spread)
}

# The intercept, then the covariates: list(x, terms).
with_intercept <- function(covariates, name, by) {
  found <- as_covariates(covariates, by$n, by$samples, name)
  constant <- if (!is.null(found)) which(apply(found$x, 2L, \(x) all(x == x[1L])))
  if (length(constant)) {
    stop_mnmash(
      "argument", as_typed(name),
      " must not have a constant column (the intercept is there already): ",
      describe_index("column", constant[1L], colnames(found$x)), " is"
    )
  }
  x <- cbind(matrix(1, by$n, 1L, dimnames = list(NULL, "(Intercept)")), found$x)
  list(x = x, terms = found$terms)
}

# A matrix with the rows of the samples.
rows_of_samples <- function(x, name, by) {
  if (is.null(x)) return(NULL)
  x <- as_numeric_matrix(x, name = name)
  check_finite(x, name = name, na_ok = FALSE)
  align_rows(x, by$samples, by$n, name, "sample", to = by$whose, more = "refuse")
}

# One number, one for each sample, or n x m.
fqtl_offset <- function(offset, by) {
  if (is.null(offset)) return(NULL)
  name <- "offset"
  if (is.numeric(offset) && is.null(dim(offset))) {
    if (length(offset) == 1L && by$n > 1L) offset <- rep(unname(offset), by$n)
    offset <- matrix(offset, ncol = 1L, dimnames = list(names(offset), NULL))
  }
  offset <- rows_of_samples(offset, name, by)
  if (ncol(offset) == 1L && (by$m == 1L || is.null(colnames(offset)))) {
    return(matrix(offset, by$n, by$m))
  }
  align_columns(offset, by$outcomes, by$m, name, "outcome", to = "`Y`")
}

check_library_size <- function(library_size, by) {
  if (is.null(library_size)) return(NULL)
  if (!is.numeric(library_size) || anyNA(library_size) || !all(library_size > 0)) {
    stop_mnmash(
      "argument", "`library_size` must be ", by$n, " positive numbers, one for each sample"
    )
  }
  unname(align_vector(
    library_size, by$samples, by$n, "library_size", "sample", to = by$whose, more = "refuse"
  ))
}

# Predictors that may act on each outcome, as numbers.
cis_masks <- function(cis, variants, p, by) {
  if (is.null(cis) || isFALSE(cis)) return(NULL)
  if (isTRUE(cis)) return(rep(list(seq_len(p)), by$m))
  if (is.data.frame(cis)) cis <- as.matrix(cis)
  if (!is.logical(cis) || length(dim(cis)) != 2L || anyNA(cis)) {
    stop_mnmash("argument", "`cis` must be TRUE, or a logical matrix of dimensions ", p, " x ",
                by$m)
  }
  cis <- align_rows(cis, variants, p, "cis", "variant", to = "`X`")
  cis <- align_columns(cis, by$outcomes, by$m, "cis", "outcome", to = "`Y`")
  lapply(seq_len(by$m), \(t) unname(which(cis[, t])))
}
