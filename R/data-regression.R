# The data of one regression: predictors, responses and covariates with their samples in one order.

# The predictors, the responses and the covariates of one regression, with their samples in one
# order: list(X, Y, Z, samples), where Z is list(x, terms) or NULL. Names of samples are those of X,
# or else of Y.
regression_data <- function(X, Y, covariates, name = "Y", na_ok = TRUE) {
  X <- as_predictors(X)
  Y <- as_responses(Y, X$n, name, na_ok, X$samples)
  samples <- if (is.null(X$samples)) rownames(Y) else X$samples
  if (!is.null(samples)) rownames(Y) <- samples
  list(X = X, Y = Y, Z = as_covariates(covariates, X$n, samples), samples = samples)
}

# Responses as an n x r matrix of numbers, in the order of the `samples` of the predictors where
# both have names.
as_responses <- function(Y, n, name = "Y", na_ok = TRUE, samples = NULL) {
  Y <- as_numeric_matrix(zero_one(Y), name = name)
  if (is.null(samples) || is.null(rownames(Y))) {
    if (nrow(Y) != n) {
      stop_mnmash(
        "dimension", as_typed(name), " has ", nrow(Y), " rows (samples), but `X` has ", n
      )
    }
  } else {
    Y <- align_rows(Y, samples, n, name, "sample", to = "`X`", more = "refuse")
  }
  check_finite(Y, name = name, na_ok)
  Y
}

# For one response, samples without it say nothing: `rows` are the others, if some are left out.
samples_with_response <- function(data, name = "y") {
  rows <- unname(which(!is.na(data$Y[, 1L])))
  left_out <- data$X$n - length(rows)
  if (!left_out) return(data)
  if (!length(rows)) stop_mnmash("missing", as_typed(name), " has no value")
  tell_once(as_typed(name), ": ", left_out, " samples without a value are left out")
  data <- regression_rows(data, rows)
  data$rows <- rows
  data
}

# Some samples and responses.
regression_rows <- function(data, rows, columns = seq_len(ncol(data$Y))) {
  if (length(rows) < data$X$n) {
    data$X <- predictor_rows(data$X, rows)
    if (!is.null(data$Z)) data$Z$x <- data$Z$x[rows, , drop = FALSE]
    data$samples <- data$samples[rows]
  }
  data$Y <- data$Y[rows, columns, drop = FALSE]
  data
}

# The intercept and the covariates: the matrix W, its QR, and an orthonormal basis.
covariate_space <- function(Z, n, intercept) {
  W <- cbind(if (intercept) matrix(1, n, 1L, dimnames = list(NULL, "(Intercept)")), Z)
  if (is.null(W)) return(list(W = matrix(0, n, 0L), basis = matrix(0, n, 0L), rank = 0L))
  decomposition <- qr(W)
  rank <- decomposition$rank
  if (rank >= n) {
    stop_mnmash(
      "dimension", as_typed("covariates"), " explain everything: they have ", rank,
      " independent columns for ",
      n, " samples"
    )
  }
  list(W = W, qr = decomposition, rank = rank,
       basis = qr.Q(decomposition)[, seq_len(rank), drop = FALSE])
}

# Predictors and the basis of the covariates as the core takes them.
regression_design <- function(X, space) {
  core_predictors(X, space$basis)
}

# Coefficients to start from, p x J, or NULL: by the names of predictors and responses.
start_coefficients <- function(B, predictors, p, responses, J, name) {
  if (is.null(B)) return(NULL)
  B <- as_numeric_matrix(B, name = name)
  B <- align_rows(B, predictors, p, name, "predictor")
  B <- align_columns(B, responses, J, name, "condition")
  check_finite(B, name = name, na_ok = FALSE)
  unname(B)
}

# Products with the responses and sums of squares, covariates regressed out.
marginal_products <- function(X, space, Y) {
  given <- colSums(Y^2)
  Y <- Y - space$basis %*% crossprod(space$basis, Y)
  along <- predictor_products(X, space$basis)
  squares <- predictor_squares(X)
  norms <- squares - rowSums(along^2)
  norms[norms <= 1e-14 * squares] <- 0
  total <- colSums(Y^2)
  total[total <= 1e-20 * given] <- 0
  list(products = predictor_products(X, Y), norms = norms, total = total)
}

# Values of new samples, m x r with names: `B` are the coefficients (p x r), `constant` the r
# intercepts, `slopes` the coefficients of the covariates (q x r) whose `terms` the fit has kept.
new_values <- function(newdata, covariates, B, constant, slopes, terms) {
  X <- new_predictors(newdata, nrow(B), rownames(B))
  out <- predictor_values(X, B) + rep(constant, each = X$n)
  Z <- new_covariates(covariates, X$n, terms, X$samples)
  if (!is.null(Z)) out <- out + Z %*% known_values(slopes)
  dimnames(out) <- if (!is.null(X$samples) || !is.null(colnames(B))) list(X$samples, colnames(B))
  out
}

# Coefficients that others determine count nothing.
known_values <- function(x) {
  x[is.na(x)] <- 0
  x
}

# What a fit of individual-level data holds of its own samples.
own_values <- function(fit, what, covariates = NULL) {
  if (!is.null(covariates)) {
    stop_mnmash(
      "argument", as_typed("covariates"), " are of new samples: give ", as_typed("newdata"),
      " with them"
    )
  }
  if (is.null(fit[[what]])) {
    stop_mnmash(
      "argument", as_typed("object"), " holds no individual-level data, and so no fitted values: ",
      "give predict() the predictors of samples, as `newdata`"
    )
  }
  fit[[what]]
}
