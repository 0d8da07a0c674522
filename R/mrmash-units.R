# The units of a prior and those of the coefficients of a regression.
#
# A prior is of effects per unit of the predictors ("none" is standardized), of effects per standard
# deviation of them ("X"), of effects in standard deviations of the response per standard deviation
# of the predictor ("both"), or of z-scores, which are the last times the root of n.

# What the data say: `x`, the common standard deviation of the predictors, or NA if there is none;
# `y`, standard deviations of the responses, or NA; `n`, samples of each response.
individual_scales <- function(X, Y, space) {
  observed <- !is.na(Y)
  found <- lapply(response_patterns(Y), \(pattern) {
    basis <- space$basis[pattern$rows, , drop = FALSE]
    y <- Y[pattern$rows, pattern$columns, drop = FALSE]
    if (ncol(basis)) y <- as.matrix(stats::lm.fit(basis, y)$residuals)
    list(at = pattern$columns, y = sqrt(colSums(y^2) / (length(pattern$rows) - space$rank)))
  })
  y <- numeric(ncol(Y))
  for (part in found) y[part$at] <- part$y
  norms <- predictor_squares(X) - rowSums(predictor_products(X, space$basis)^2)
  list(x = common_scale(sqrt(pmax(norms, 0) / (X$n - 1))), y = y, n = colSums(observed))
}

# The one value of all standard deviations that are not zero, or NA.
common_scale <- function(sd) {
  sd <- sd[sd > 1e-7 * max(sd, 0)]
  if (length(sd) && diff(range(sd)) <= 1e-6 * max(sd)) mean(sd) else NA_real_
}

# The prior of the `responses`, list(names, r), in the units of the regression, and whether to
# standardize the predictors, which the prior decides if the user does not: list(given,
# standardize). `model` is what coefficients are of if they are standardized: "X" or "both".
regression_units <- function(given, standardize, responses, scales, model = "X") {
  if (!is.null(given$prior) && !is.null(given$S0)) {
    stop_mnmash("argument", "give `prior`, or `S0` and `w0`, not both")
  }
  if (is.null(given$prior) && is.null(given$S0)) {
    stop_mnmash(
      "argument", "give `prior` (a list of covariance matrices, a fit of mash(), ...) or `S0`"
    )
  }
  if (!is.null(standardize)) check_flag(standardize)
  prior <- given$prior
  plain <- is.null(prior) || are_covariances(prior)
  if (!plain && !is.list(prior)) {
    stop_mnmash(
      "type", "`prior` must be a list of covariance matrices, a prior or a fit, not ",
      class(prior)[1L]
    )
  }
  if (!plain) {
    prior <- given$prior <- prior_for(prior_of(prior), responses$names, responses$r)
  }
  if (plain || is.null(prior$units)) {
    return(list(given = given, standardize = is.null(standardize) || standardize))
  }
  of <- if (prior$units == "z") "z" else if (is.null(prior$standardized)) "none" else
    prior$standardized
  # Scales of a grid take the place of the prior's own, of which only the shape is left.
  any_scale <- !is.null(given$grid)
  if (is.null(standardize)) standardize <- any_scale || of != "none"
  if (any_scale) scales$x <- 1
  to <- if (model == "both") "both" else if (standardize) "X" else "none"
  factor <- unit_factor(of, to, scales)
  if (anyNA(factor)) stop_other_units(of, to)
  if (!all(factor == 1)) {
    factor <- tcrossprod(rep_len(factor, responses$r))
    given$prior$U <- lapply(prior$U, `*`, factor)
  }
  list(given = given, standardize = standardize)
}

# Matrices, and nothing that says more of them.
are_covariances <- function(prior) {
  is.array(prior) || (is.list(prior) && !is.object(prior) && all(vapply(prior, is.matrix, NA)))
}

# What an effect in the one units is multiplied by to be in the others.
unit_factor <- function(of, to, scales) {
  if (of == to) return(1)
  per_x <- (to == "none") - (of == "none")
  per_y <- (to %in% c("none", "X")) - (of %in% c("none", "X"))
  (if (of == "z") 1 / sqrt(scales$n) else 1) * (if (per_x) scales$x^-per_x else 1) *
    (if (per_y) scales$y^per_y else 1)
}

stop_other_units <- function(of, to) {
  words <- c(
    none = "effects per unit of the predictors", X = "effects per standard deviation of them",
    both = "effects of standardized predictors on standardized responses", z = "z-scores"
  )
  stop_mnmash(
    "units", "`prior` is of ", words[[of]], ", but the coefficients are ", words[[to]], if (
      to == "both"
    ) paste0(
      ": give ", as_typed("Bhat"), ", ", as_typed("Shat"), " and ", as_typed("covY")
    ) else paste0(
      ", and the predictors' standard deviations differ: leave out `standardize`, or use ",
      "`standardize = ", of != "none", "`"
    )
  )
}
