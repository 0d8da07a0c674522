# Fits in the layouts of the packages susieR and coloc.

#' A fine-mapping fit as other packages have it
#'
#' `as_susie()` gives a fit the layout of the package susieR, for its functions, for
#' `coloc::coloc.susie()` and what else reads it; one such object for each condition.
#' `log_bayes_factors()` are the matrices that `coloc::coloc.bf_bf()` takes.
#'
#' Where an effect is (`alpha`, `pip`, the sets) is a matter of all conditions together, and the
#' same in the objects of all of them; so are, by default, the log Bayes factors of variables: they
#' compare an effect at this variable, with any pattern of the prior, with none, given the other
#' effects. They answer whether the signal of a fit has the variant of another trait.
#'
#' With `data`, those of a fit are of each condition alone: with `b` the regression of condition r
#' on variable j, the other effects taken off, and `s` its standard error, `log sum_k w_k N(b; 0,
#' s^2 + s_l U_k[r, r]) / N(b; 0, s^2)`. They answer whether the signal *in this condition* has the
#' variant of another trait, with less power. Of one condition the two are the same.
#'
#' @param x a fit from [finemap()].
#' @param condition name or number of a condition. Default: all of them.
#' @param data the data of the fit, for Bayes factors of single conditions. Takes O(n p L R), or
#'   O(p^2 L R) for sufficient or summary statistics.
#' @inheritParams shared_arguments
#'
#' @return `as_susie()`: an object of class `susie` (of several conditions a list of them, by name),
#'   a list of `alpha`, `mu` and `mu2` (L x p: probabilities of places, and the first two moments of
#'   the effects there, for the variables as given), `lbf` (L), `lbf_variable` (L x p; natural
#'   logarithms), `V` (L: prior variances of effects on standardised variables, 0 for effects that
#'   are not there), `sigma2` (residual variance), `pip` (p), `sets` (`cs`, `purity`, `cs_index`,
#'   `coverage`, `requested_coverage`), `elbo`, `niter`, `converged`, `intercept` (`NA` where there
#'   is none), `theta` (means of many small effects, where the fit has a background),
#'   `X_column_scale_factors` (ones: effects are for the variables as given) and `null_index` (0).
#'
#'   `log_bayes_factors()`: a matrix with a row for each credible set and a column for each
#'   variable, then a column `null` of zeros, which coloc counts on; with `data` a list of them, one
#'   for each condition.
#' @section Errors:
#' `data` of other variables or conditions than the fit's.
#' @seealso [set_sharing()], which needs no second fit for conditions of one
#' @references Wallace (2021), PLoS Genetics 17, e1009440, for colocalisation of single effects.
#' @export
#' @examples
#' set.seed(1)
#' X <- matrix(rbinom(300 * 50, 2, 0.3), 300, dimnames = list(NULL, paste0("rs", 1:50)))
#' Y <- X[, 7] %o% c(liver = 0.5, lung = 0.4) + matrix(rnorm(600), 300)
#' region <- finemap_data(X, Y)
#' fit <- finemap(region, list(matrix(1, 2, 2), diag(2)))
#' lung <- as_susie(fit, "lung", region)
#' lung$sets$cs
#' round(log_bayes_factors(fit)[, c("rs7", "rs8", "null")], 2)
#' round(log_bayes_factors(fit, region)$lung[, c("rs7", "rs8", "null")], 2)
as_susie <- function(x, condition = NULL, data = NULL, ...) {
  take_dots(...)
  check_finemap(x)
  conditions <- colnames(x$lfsr)
  at <- if (is.null(condition)) seq_along(conditions) else condition_place(condition, conditions)
  evidence <- if (!is.null(data)) condition_evidence(x, data)
  objects <- lapply(at, \(r) susie_object(x, r, evidence[[r]] %||% x$lbf_variable))
  if (length(objects) == 1L) return(objects[[1L]])
  stats::setNames(objects, conditions[at])
}

#' @rdname as_susie
#' @export
log_bayes_factors <- function(x, data = NULL, ...) {
  take_dots(...)
  check_finemap(x)
  sets <- names(x$sets)
  of_sets <- \(evidence) cbind(evidence[sets, , drop = FALSE], null = rep(0, length(sets)))
  if (is.null(data)) return(of_sets(x$lbf_variable))
  lapply(condition_evidence(x, data), of_sets)
}

check_finemap <- function(x) {
  if (!inherits(x, "finemap")) {
    stop_mnmash("type", "`x` must be a fit from finemap(), not ", class(x)[1L])
  }
}

condition_place <- function(condition, conditions) {
  known <- is.character(condition) || is.numeric(condition)
  at <- if (length(condition) == 1L && known) {
    match(condition, if (is.numeric(condition)) seq_along(conditions) else conditions)
  }
  if (is.null(at) || is.na(at)) {
    stop_mnmash(
      "argument", "`condition` must be one of ", first_few(conditions), ", or a number up to ",
      length(conditions)
    )
  }
  at
}

susie_object <- function(fit, r, evidence) {
  p <- fit$data$p
  live <- fit$scale > 1e-9
  mu <- 0 * fit$alpha
  mu2 <- mu
  for (l in which(live)) {
    effect <- fit$effects[[l]]
    mu[l, effect$variable] <- effect$mean[, r]
    mu2[l, effect$variable] <- effect$mean[, r]^2 + effect$sd[, r]^2
  }
  intercept <- if (is.null(fit$intercept)) NA_real_ else fit$intercept[[r]]
  # Many small effects beside, if the fit has them.
  small <- fit$background$effects
  lbf <- drop(log_sum_columns(t(evidence) + log(fit$prior_weights)))
  structure(
    c(list(
      alpha = fit$alpha, mu = mu, mu2 = mu2, lbf = stats::setNames(lbf, names(fit$scale)),
      lbf_variable = evidence, V = fit$scale * own_variance(fit, r), sigma2 = fit$V[r, r],
      elbo = fit$elbo, niter = fit$n_iter, converged = fit$converged, intercept = intercept,
      pip = fit$pip, sets = susie_sets(fit), X_column_scale_factors = rep(1, p), null_index = 0
    ), if (!is.null(small)) list(theta = unname(small[, r]))),
    class = "susie"
  )
}

# The prior variance of an effect of scale 1 in a condition, on the scale of the fit.
own_variance <- function(fit, r) {
  sum(fit$prior$w * prior_variances(fit, r))
}

prior_variances <- function(fit, r) {
  vapply(fit$prior$U, \(U) U[r, r], 0, USE.NAMES = FALSE) * fit$prior$size[r]^2
}

# Variables in increasing order, as there.
susie_sets <- function(fit) {
  sets <- fit$sets
  if (!length(sets)) return(list(cs = NULL, coverage = NULL, requested_coverage = 0.95))
  purity <- as.data.frame(do.call(rbind, lapply(sets, `[[`, "purity")))
  names(purity) <- c("min.abs.corr", "mean.abs.corr", "median.abs.corr")
  list(
    cs = lapply(sets, \(set) sort(set$variables)), purity = purity,
    cs_index = match(names(sets), names(fit$scale)),
    coverage = vapply(sets, `[[`, 0, "coverage", USE.NAMES = FALSE),
    requested_coverage = fit$options$coverage
  )
}

# A list of L x p matrices: log Bayes factors of each condition alone.
condition_evidence <- function(fit, data) {
  check_same_region(fit, data)
  if (!is.null(fit$background)) {
    stop_mnmash(
      "argument", "`x` has many small effects beside (`background`), given which Bayes factors of ",
      "single conditions are not computed: leave `data` out"
    )
  }
  settings <- list(
    standardize = fit$options$standardize, intercept = fit$options$intercept %||% TRUE,
    estimate_V = "none"
  )
  problem <- finemap_problem(data, fit$V, settings)
  conditions <- colnames(fit$lfsr)
  lapply(stats::setNames(seq_along(conditions), conditions), \(r) {
    found <- if (problem$form == "rows") {
      scores_of_rows(fit, problem, settings, r)
    } else {
      scores_of_products(fit, problem, r)
    }
    evidence <- vapply(seq_along(fit$scale), \(l) {
      variances <- fit$scale[l] * prior_variances(fit, r)
      log_evidence(found$score[, l], found$size, fit$V[r, r], variances, fit$prior$w)
    }, numeric(fit$data$p))
    evidence <- t(matrix(evidence, fit$data$p))
    `dimnames<-`(evidence, dimnames(fit$alpha))
  })
}

check_same_region <- function(fit, data) {
  if (!inherits(data, "finemap_data")) {
    stop_mnmash(
      "type", "`data` must come from finemap_data(), finemap_suffstat() or finemap_sumstats()"
    )
  }
  check_whole(data)
  for (what in c("p", "R", "kind", "variables", "conditions")) {
    if (!identical(fit$data[[what]], data[[what]])) {
      stop_mnmash(
        "names", "`data` is not what `x` was fitted to: ", switch(
          what,
          p = , variables = "the variables differ", R = , conditions = "the conditions differ",
          kind = "it is of another form"
        )
      )
    }
  }
}

# What effect l does to condition r, for the variables as given, p x L.
effect_columns <- function(fit, r) {
  vapply(seq_along(fit$scale), \(l) {
    effect <- fit$effects[[l]]
    b <- numeric(fit$data$p)
    b[effect$variable] <- fit$alpha[l, effect$variable] * effect$mean[, r]
    b
  }, numeric(fit$data$p)) |> matrix(fit$data$p)
}

# Products of standardised variables with what the other effects leave (`score`, p x L), and their
# sums of squares (`size`).
scores_of_rows <- function(fit, problem, settings, r) {
  seen <- !is.na(problem$Y[, r])
  centre <- \(M) if (settings$intercept) M - rep(colMeans(M), each = nrow(M)) else M
  scale <- if (settings$standardize) {
    sqrt(colSums(centre(problem$X)^2) / (nrow(problem$X) - 1))
  } else {
    rep(1, fit$data$p)
  }
  X <- centre(problem$X[seen, , drop = FALSE])
  y <- problem$Y[seen, r]
  if (settings$intercept) y <- y - mean(y)
  others <- unname(fit$coef[, r]) - effect_columns(fit, r)
  list(score = crossprod(X, y - X %*% others) / scale, size = colSums(X^2) / scale^2)
}

scores_of_products <- function(fit, problem, r) {
  scale <- problem$scale
  back <- matrix(problem$back, fit$data$p, fit$data$R)[, r]
  others <- (unname(fit$coef[, r]) - effect_columns(fit, r)) / back
  list(
    score = problem$XtY[, r] - scale * (problem$gram %*% (scale * others)),
    size = diag(problem$gram) * scale^2
  )
}

log_evidence <- function(score, size, noise, variances, w) {
  b <- score / size
  s2 <- noise / size
  each <- vapply(variances, \(v) {
    -log1p(v / s2) / 2 + b^2 * v / (2 * s2 * (v + s2))
  }, numeric(length(b)))
  drop(log_sum_columns(t(matrix(each, length(b))) + log(w)))
}
