# Univariate effects of a regression: checks, with standard errors in the order of the effects.

# list(effects, Shat or NULL, z, kind = "Bhat" or "Z"), each p x r.
as_sumstats <- function(Bhat, Shat, Z) {
  if (is.null(Z) == is.null(Bhat)) {
    stop_mnmash(
      "argument", "give ", as_typed("Z"), ", or ", as_typed("Bhat"), " and ", as_typed("Shat")
    )
  }
  if (!is.null(Z)) {
    if (!is.null(Shat)) {
      stop_mnmash(
        "argument", as_typed("Shat"), " goes with ", as_typed("Bhat"), ", not with ", as_typed("Z")
      )
    }
    Z <- complete_effects(Z, "Z")
    return(list(effects = Z, Shat = NULL, z = Z, kind = "Z"))
  }
  if (is.null(Shat)) stop_mnmash("argument", as_typed("Bhat"), " needs ", as_typed("Shat"))
  Bhat <- complete_effects(Bhat, "Bhat")
  Shat <- as_numeric_matrix(Shat)
  Shat <- align_rows(Shat, rownames(Bhat), nrow(Bhat), "Shat", "predictor", to = as_typed("Bhat"))
  Shat <- align_columns(Shat, colnames(Bhat), ncol(Bhat), "Shat", "condition",
  to = as_typed("Bhat"))
  Shat <- complete_effects(Shat, "Shat")
  if (any(Shat <= 0)) {
    bad <- which(Shat <= 0)
    stop_mnmash("value", as_typed("Shat"), " must be positive: it is ", Shat[bad[1L]], " at ",
                describe_cell(Shat, bad[1L]), and_more(length(bad)))
  }
  list(effects = Bhat, Shat = Shat, z = Bhat / unname(Shat), kind = "Bhat")
}

complete_effects <- function(x, name) {
  x <- as_numeric_matrix(x, name = name)
  if (anyNA(x)) {
    stop_mnmash("missing", as_typed(name), " must not have missing values: there is one at ",
                describe_cell(x, which(is.na(x))[1L]), "; leave the predictor out, also of ",
                as_typed("LD"))
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
    if (!is.null(var_y)) stop_mnmash("argument", as_typed("covY"), " needs ", as_typed("n"))
    if (J > 1L) stop_mnmash("argument", "more than one response needs ", as_typed("n"))
    s <- if (is.null(Shat)) rep(1, length(z)) else drop(unname(Shat))
    return(list(
      norms = 1 / s^2, products = z / s, total = 0, samples = 0, names = names, unit = NULL,
      variance = 1
    ))
  }
  n <- samples_of(n, z, as_typed(stats$kind))
  if (length(n) > 1L) {
    stop_mnmash(
      "unequal_samples", as_typed("n"), " must be the same for all conditions: see mr_mash_rss()"
    )
  }
  if (is.null(Shat) && !is.null(var_y)) {
    stop_mnmash(
      "argument", as_typed("covY"), " needs ", as_typed("Bhat"), " and ", as_typed("Shat")
    )
  }
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
  if (any(diag(covY) <= 0)) stop_mnmash("value", as_typed("covY"), " must have positive variances")
  unname(covY)
}

# Numbers of samples: one, or one for each condition where they differ. They may be given for each
# z-score: p numbers for one condition (or by the names of the predictors), or p x R. How z-scores
# of different samples correlate depends on the samples that they share, which nobody says: where
# they are used together these numbers must be nearly the same for all predictors. With `each`,
# where they are not the same, all p x R are returned.
samples_of <- function(n, Z, what, kind = "predictor", each = FALSE) {
  R <- ncol(Z)
  if (is.data.frame(n)) n <- as.matrix(n)
  if (length(dim(n)) == 2L && nrow(n) == 1L) n <- n[1L, ]
  if (!is.numeric(n) || !length(n) || any(!is.finite(n) | n < 3)) {
    stop_mnmash(
      "argument", as_typed("n"), " must be one number of samples",
      if (R > 1L) paste(", or one for each of the", R, "conditions"), ", each at least 3"
    )
  }
  if (is_by_predictor(n, Z)) {
    if (is.null(dim(n))) n <- matrix(n, length(n), R, dimnames = list(names(n), colnames(Z)))
    n <- align_rows(n, rownames(Z), nrow(Z), "n", kind, to = what)
    n <- align_columns(n, colnames(Z), R, "n", "condition", to = what)
    if (any(n != rep(n[1L, ], each = nrow(n)))) {
      if (each) return(unname(n))
      n <- typical_samples(n, kind)
    }
    n <- n[1L, ]
  } else if (length(n) > 1L || R == 1L) {
    n <- align_vector(n, colnames(Z), R, "n", "condition", to = what)
  }
  n <- as.double(n)
  if (all(n == n[1L])) n[1L] else n
}

# The median of each condition, where numbers of samples of its predictors are nearly the same.
typical_samples <- function(n, kind, nearly = 0.9) {
  share <- min(apply(n, 2L, min) / apply(n, 2L, max))
  if (share < nearly) {
    stop_mnmash(
      "unequal_samples", as_typed("n"), " must be nearly the same for all ", kind,
      "s of a condition, but the fewest are ", format(100 * share, digits = 2),
      "% of the most: how z-scores of different samples correlate depends on the samples they ",
      "share, which is not known. Leave out ", kind, "s with fewer than ", 100 * nearly,
      "% of the most samples"
    )
  }
  tell_once(
    as_typed("n"), " differs by ", kind, ", by up to ", format(100 * (1 - share), digits = 2),
    "%: medians are used"
  )
  n[1L, ] <- round(apply(n, 2L, stats::median))
  n[1L, , drop = FALSE]
}

# Whether `n` has a number for each row of Z: by its shape, or by its names.
is_by_predictor <- function(n, Z) {
  if (nrow(Z) == 1L) return(FALSE)
  if (length(dim(n)) == 2L) return(TRUE)
  if (length(n) == 1L) return(FALSE)
  if (ncol(Z) == 1L || length(n) != ncol(Z) && length(n) == nrow(Z)) return(TRUE)
  !is.null(names(n)) && !is.null(rownames(Z)) && all(rownames(Z) %in% names(n))
}
