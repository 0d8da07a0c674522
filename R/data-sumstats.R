# Univariate effects of a regression: checks, with standard errors in the order of the effects.

# list(effects, Shat or NULL, z, kind = "Bhat" or "Z"), each p x r.
as_sumstats <- function(Bhat, Shat, Z) {
  if (is.null(Z) == is.null(Bhat)) stop_mnmash("argument", "give `Z`, or `Bhat` and `Shat`")
  if (!is.null(Z)) {
    if (!is.null(Shat)) stop_mnmash("argument", "`Shat` goes with `Bhat`, not with `Z`")
    Z <- complete_effects(Z, "Z")
    return(list(effects = Z, Shat = NULL, z = Z, kind = "Z"))
  }
  if (is.null(Shat)) stop_mnmash("argument", "`Bhat` needs `Shat`")
  Bhat <- complete_effects(Bhat, "Bhat")
  Shat <- as_numeric_matrix(Shat)
  Shat <- align_rows(Shat, rownames(Bhat), nrow(Bhat), "Shat", "predictor", to = "`Bhat`")
  Shat <- align_columns(Shat, colnames(Bhat), ncol(Bhat), "Shat", "condition", to = "`Bhat`")
  Shat <- complete_effects(Shat, "Shat")
  if (any(Shat <= 0)) {
    bad <- which(Shat <= 0)
    stop_mnmash("value", "`Shat` must be positive: it is ", Shat[bad[1L]], " at ",
                describe_cell(Shat, bad[1L]), and_more(length(bad)))
  }
  list(effects = Bhat, Shat = Shat, z = Bhat / unname(Shat), kind = "Bhat")
}

complete_effects <- function(x, name) {
  x <- as_numeric_matrix(x, name = name)
  if (anyNA(x)) {
    stop_mnmash("missing", "`", name, "` must not have missing values: there is one at ",
                describe_cell(x, which(is.na(x))[1L]), "; leave the predictor out, also of `LD`")
  }
  check_finite(x, name = name)
  x
}

# Sums of squares (norms, p), products (p x J) and total (J) of the regression that the statistics
# are of, for `samples` samples, with the names of the predictors; `unit` is what effects must be
# multiplied with to be in the units of Bhat, if those are not known. `var_y` are the variances of
# the responses, or NULL.
rss_products <- function(stats, n, var_y) {
  z <- stats$z
  J <- ncol(z)
  names <- rownames(z)
  Shat <- stats$Shat
  if (is.null(n)) {
    if (!is.null(var_y)) stop_mnmash("argument", "`covY` needs `n`")
    if (J > 1L) stop_mnmash("argument", "more than one response needs `n`")
    s <- if (is.null(Shat)) rep(1, length(z)) else drop(unname(Shat))
    return(list(
      norms = 1 / s^2, products = z / s, total = 0, samples = 0, names = names, unit = NULL,
      variance = 1
    ))
  }
  n <- check_number(n, 3)
  if (is.null(Shat) && !is.null(var_y)) stop_mnmash("argument", "`covY` needs `Bhat` and `Shat`")
  if (is.null(var_y)) {
    r <- z / sqrt(z^2 + n - 2)
    return(list(
      norms = rep(n - 1, nrow(z)), products = (n - 1) * unname(r), total = rep(n - 1, J),
      samples = n, names = names, unit = if (!is.null(Shat)) Shat * sqrt(z^2 + n - 2)
    ))
  }
  var_y <- check_each(var_y, J, 1e-100, 1e100, name = "covY")
  d <- rep(var_y, each = nrow(z)) * (n - 1) / ((z^2 + n - 2) * Shat^2)
  list(
    norms = unname(rowMeans(d)), products = unname(stats$effects * d), total = (n - 1) * var_y,
    samples = n, names = names, unit = NULL
  )
}

# The covariance of the responses, r x r, in the order of the conditions.
response_covariance <- function(covY, conditions, r) {
  covY <- check_covariance(covY, r, definite = FALSE, conditions = conditions)
  if (any(diag(covY) <= 0)) stop_mnmash("value", "`covY` must have positive variances")
  unname(covY)
}
