# The forms of the data as the core takes them, and the way back from the scale of the fit.

# A list of
# - `form`: "rows" or "products", and what the core is given of it;
# - `V`: the residual covariance;
# - `sd`, `n`: of the outcomes, for the older scaling of priors;
# - `z_unit`, `unit`: what a prior of z-scores, and one of effects, is multiplied by on both sides;
#   `unit_known` says whether that is in the units of the outcomes ("no", "relative" or "yes").
# `settings` are list(standardize, intercept, estimate_V).
finemap_problem <- function(data, V, settings) {
  switch(
    data$kind,
    rows = rows_problem(data, V, settings),
    suffstat = suffstat_problem(data, V, settings),
    sumstats = sumstats_problem(data, V, settings)
  )
}

# The fit of a problem: what the core found (`fit`), what an effect on its scale is multiplied by
# for the variable as given (`unit`, p x R), and the `intercept` and effects of `covariates`, if
# there are any.
solve_region <- function(problem, control, ...) {
  rows <- problem$form == "rows"
  fit <- call_core(
    "finemap",
    predictors = if (rows) {
      core_predictors(problem$X)
    } else {
      core_products(problem$gram, problem$samples, roots = problem$scale)
    },
    responses = if (rows) {
      core_responses(problem$Y)
    } else {
      core_responses(problem$XtY, problem$YtY)
    },
    control = c(control, list(
      intercept = rows && problem$intercept, standardize = rows && problem$standardize,
      memory = memory_limit(), sums = problem$sums
    )), ...
  )
  unit <- if (rows) 1 / fit$columns$x_scale else problem$back
  unit <- matrix(unit, nrow(fit$coef), ncol(fit$coef))
  small <- if (!is.null(fit$background)) fit$background$effects * unit
  B <- fit$coef * unit + (small %||% 0)
  c(list(fit = fit, unit = unit, coef = B, background = small), constants(problem, fit, B))
}

# What effects on the scale of the fit are multiplied by for the variables as given: p x R.
problem_unit <- function(problem) {
  if (problem$form == "products") {
    return(matrix(problem$back, nrow(problem$XtY), ncol(problem$XtY)))
  }
  X <- problem$X
  sd <- if (problem$standardize) {
    mean <- if (problem$intercept) colMeans(X) else 0
    sqrt(colSums((X - rep(mean, each = nrow(X)))^2) / (nrow(X) - 1))
  }
  matrix(1 / (sd %||% 1), ncol(X), ncol(problem$Y))
}

# The intercepts, and the effects of covariates. Those of incomplete outcomes are the core's.
constants <- function(problem, fit, B) {
  if (!is.null(problem$along)) {
    effects <- problem$along$Y - problem$along$X %*% B
    first <- problem$intercept
    return(list(
      intercept = if (first) effects[1L, ] else numeric(ncol(B)),
      covariates = if (first) effects[-1L, , drop = FALSE] else effects
    ))
  }
  means <- if (problem$form == "rows") fit$columns else problem
  intercept <- if (problem$form == "rows" && !problem$intercept) {
    numeric(ncol(B))
  } else if (anyNA(problem$Y)) {
    fit$level - drop(fit$columns$x_mean %*% B)
  } else if (!is.null(means$x_mean) && !is.null(means$y_mean)) {
    means$y_mean - drop(means$x_mean %*% B)
  }
  list(intercept = intercept)
}

rows_problem <- function(data, V, settings) {
  Y <- data$Y
  missing <- anyNA(Y)
  if (missing && settings$estimate_V != "none") {
    stop_mnmash("argument", "`estimate_V` must be \"none\" where `Y` has missing values")
  }
  if (missing && is.null(V)) {
    stop_mnmash(
      "argument", as_typed("V"),
      " must be given where `Y` has missing values, for instance from mr_mash()"
    )
  }
  n <- nrow(Y)
  problem <- without_covariates(data, settings$intercept)
  Y <- problem$Y
  free <- n - problem$rank
  if (is.null(V) && settings$estimate_V != "diag") {
    check_full_rank(Y, "Y", "outcome", "give `V`, or set `estimate_V = \"diag\"`")
  }
  V <- if (is.null(V)) stats::cov(Y) * ((n - 1) / free) else check_noise(V, data$R, data$conditions)
  if (settings$estimate_V == "diag") V <- diag(diag(V), data$R)
  seen <- colSums(!is.na(Y))
  sd <- sqrt(colMeans((Y - rep(colMeans(Y, na.rm = TRUE), each = n))^2, na.rm = TRUE) * n / free)
  c(problem, list(
    form = "rows", V = unname(V), intercept = settings$intercept,
    standardize = settings$standardize, sd = sd, n = n, z_unit = sd / sqrt(seen), unit = 1,
    unit_known = "yes"
  ))
}

# Rows with the covariates regressed out, which is exact where all outcomes are observed, `along`:
# the coefficients of the regressions on them, and their `rank`, with the intercept.
without_covariates <- function(data, intercept) {
  if (is.null(data$covariates)) return(list(X = data$X, Y = data$Y, rank = 1L))
  space <- covariate_space(data$covariates, nrow(data$X), intercept)
  off <- \(M) M - space$basis %*% crossprod(space$basis, M)
  X <- off(data$X)
  gone <- which(colSums(X^2) <= 1e-14 * colSums(data$X^2))
  if (length(gone)) {
    stop_mnmash(
      "value", as_typed("covariates"), " explain ",
      describe_index("variable", gone[1L], data$variables),
      " of `X` wholly", and_more(length(gone)), "; leave it out"
    )
  }
  coefficients <- \(M) known_values(qr.coef(space$qr, M))
  list(
    X = X, Y = off(data$Y), rank = space$rank + !intercept,
    along = list(X = coefficients(data$X), Y = coefficients(data$Y))
  )
}

suffstat_problem <- function(data, V, settings) {
  n <- data$n
  V <- if (!is.null(V)) {
    check_noise(V, data$R, data$conditions)
  } else if (settings$estimate_V == "diag") {
    data$YtY / (n - 1)
  } else {
    check_covariance(data$YtY, data$R, "YtY") / (n - 1)
  }
  scale <- if (settings$standardize) sqrt(diag(data$XtX) / (n - 1)) else rep(1, data$p)
  sd <- sqrt(diag(data$YtY) / (n - 1))
  list(
    form = "products", gram = data$XtX, scale = unname(1 / scale), XtY = data$XtY / scale,
    YtY = data$YtY, sums = unname(diag(data$YtY)), slack = ld_slack(NULL, n), samples = n,
    V = unname(V), back = 1 / scale, x_mean = data$x_mean, y_mean = data$y_mean, sd = sd,
    n = n, z_unit = sd / sqrt(n), unit = 1, unit_known = "yes"
  )
}

# One `n`: as if X and Y had been standardised. Otherwise z-scores themselves, whose expectations
# are sqrt(n_r - 1) times the effects.
sumstats_problem <- function(data, V, settings) {
  n <- data$n
  R <- data$R
  if (is.null(V) && R > 1L) {
    stop_mnmash(
      "argument", as_typed("V"),
      ", the correlation of z-scores without effects, is needed with summary ",
      "statistics of several conditions: estimate it from z-scores of the genome by ",
      "residual_correlation(), or give diag(", R, ") for samples that do not overlap"
    )
  }
  V <- if (is.null(V)) matrix(1) else check_noise(V, R, data$conditions)
  one <- length(n) == 1L
  if (!one && settings$estimate_V != "none") {
    stop_mnmash("argument", "`estimate_V` needs one ", as_typed("n"), " for all conditions")
  }
  each <- if (is.null(n)) rep(1, R) else rep_len(n, R) - 1
  Z <- shrunk_scores(data$Z, n)
  YtY <- if (one) (n - 1) * stats::cov2cor(V) else matrix(0, R, R)
  gram <- if (one) sqrt(n - 1) else 1
  z_unit <- if (is.null(n)) 1 else if (one) 1 / sqrt(n) else sqrt(each / (each + 1))
  back <- rep(if (one) 1 else 1 / sqrt(each), each = nrow(Z), length.out = length(Z))
  if (!is.null(data$effect_unit)) back <- back * data$effect_unit
  list(
    form = "products", gram = data$LD, scale = rep(gram, data$p), XtY = gram * Z, YtY = YtY,
    sums = if (is.null(n)) numeric(R) else rep_len(as.double(n), R) - 1,
    slack = ld_slack(data$LD_samples, n), samples = if (one) n else 0, V = unname(V), back = back,
    sd = rep(1, R),
    n = if (one) n else 1, z_unit = z_unit,
    unit = (if (one) 1 else sqrt(each)) / relative_sd(data$effect_unit, R),
    unit_known = if (is.null(data$effect_unit)) "no" else "relative"
  )
}

# Standard deviations of the outcomes, relative to the largest: sd(Y_r) / sd(x_j) over the same
# variables.
relative_sd <- function(effect_unit, R) {
  if (is.null(effect_unit)) return(rep(1, R))
  size <- unname(colMeans(log(effect_unit)))
  exp(size - max(size))
}

# Those that a fit with a known residual variance would have had.
shrunk_scores <- function(Z, n) {
  if (is.null(n)) return(Z)
  if (length(dim(n)) != 2L) n <- rep(rep_len(n, ncol(Z)), each = nrow(Z))
  Z * sqrt((n - 1) / (Z^2 + n - 2))
}

check_noise <- function(V, R, conditions) {
  unname(check_covariance(V, R, "V", conditions = conditions))
}
