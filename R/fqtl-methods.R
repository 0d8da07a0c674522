# Methods for fits of fqtl().

#' Methods for fits of fqtl()
#'
#' @param object,x a fit of [fqtl()].
#' @param newdata an n' x p matrix of predictors, found by name where they have names, also among
#'   others; the samples of the fit by default.
#' @param offset known part of their linear predictor: a number, a vector or an n' x m matrix.
#'   Needed if the fit has one.
#' @param type `"link"`: the linear predictor; `"response"`: the mean of the outcome.
#' @param threshold inclusion probability from which a variant or a tissue is counted.
#' @param Y the outcomes of the fit, or of some of its samples and outcomes where they have names.
#' @param by `"predictor"`: the probability of an effect through any factor (or directly, on any
#'   outcome); `"factor"`: a column for each factor; `"outcome"`: that of an effect on each outcome.
#' @inheritParams mr_ash-methods
#' @inheritParams shared_arguments
#'
#' @return
#' - `coef()`: intercepts and effects, (1 + p) x m; `predict()` and `fitted()`: n x m;
#'   `residuals()`: outcomes minus fitted values; `nobs()`: the number of observed cells;
#' - `fqtl_impute()`: `Y` with its missing cells replaced by their posterior means;
#' - `pip()`: inclusion probabilities; factors are taken as independent;
#' - `credible_sets()`: a list of the shape that [pip()] has, with `probability`, `factor` and
#'   `effect` in each set and `NA` as purity, for fits with `u_prior = "susie"`, of the effects that
#'   are likelier there than not;
#' - `as.data.frame()`: a row for each predictor and outcome with `predictor`, `outcome`, `effect`,
#'   `sd` and `pip`; without predictors one for each factor and outcome with `factor`, `outcome`,
#'   `loading`, `sd` and `pip`;
#' - `as_prior()`: the loadings as prior covariances `v v' + diag(sd^2)`, scaled by the factor's
#'   effect size, with weights by their numbers of variants; the identity that links it to
#'   [mr_mash()] is that, for one factor with known loadings, the step of the variants is that of a
#'   regression with prior matrices 0 and `v v'`.
#'   The covariances are those of effects in the units of the outcomes.
#' @name fqtl-methods
#' @examples
#' set.seed(1)
#' X <- matrix(rbinom(100 * 20, 2, 0.3), 100)
#' Y <- X[, 3] %o% c(2, 2, 0) + matrix(rnorm(300), 100)
#' Y[sample(300, 60)] <- NA
#' fit <- fqtl(Y, X, K = 2)
#' summary(fit)
#' round(coef(fit)[4, ], 2)
#' which(pip(fit) > 0.5)
#' round(head(fqtl_impute(fit, Y), 3), 2)
#' head(predict(fit, X), 3)
#' logLik(fit)
NULL

#' @rdname fqtl-methods
#' @export
print.fqtl <- function(x, threshold = 0.5, ...) {
  take_dots(...)
  threshold <- check_number(threshold, 0, 1)
  cat(
    "Factored regression (", x$family, "): ", nrow(x$eta), " samples, ",
    if (!is.null(x$X_means) && length(x$X_means)) paste0(length(x$X_means), " predictors, "),
    ncol(x$eta), " outcomes\n",
    sep = ""
  )
  cat(
    x$rank, " factor", if (x$rank != 1L) "s", "; bound ",
    format(x$elbo[length(x$elbo)], digits = 10), " after ", x$n_iter,
    if (x$n_iter == 1L) " round" else " rounds", if (!x$converged) " (not converged)", "\n",
    sep = ""
  )
  if (x$rank) print(factor_table(x, threshold), row.names = FALSE, digits = 3)
  invisible(x)
}

factor_table <- function(x, threshold) {
  # Loadings are compared in the standard deviations of their outcomes.
  names <- \(side, unit = 1) {
    rows <- rownames(side$mean)
    at <- apply(abs(side$mean) / unit, 2L, which.max)
    if (is.null(rows)) at else rows[at]
  }
  out <- data.frame(factor = seq_len(x$rank), variants = colSums(x$u$pip > threshold))
  if (x$u_prior == "values") out$variants <- NULL else out$top_variant <- names(x$u)
  out$outcomes <- colSums(x$v$pip > threshold)
  out$top_outcome <- names(x$v, x$Y_unit)
  out
}

#' @rdname fqtl-methods
#' @export
summary.fqtl <- function(object, threshold = 0.5, ...) {
  take_dots(...)
  threshold <- check_number(threshold, 0, 1)
  structure(
    list(
      fit = object, factors = if (object$rank) factor_table(object, threshold),
      pve = if (object$family == "gaussian") explained(object)
    ),
    class = "summary.fqtl"
  )
}

# Share of each outcome's variance that the predictors explain.
explained <- function(fit) {
  rest <- fit$eta - rep(fit$covariates[1L, ], each = nrow(fit$eta))
  signal <- apply(rest, 2L, stats::var)
  signal / (signal + colMeans(fit$dispersion$value))
}

#' @export
print.summary.fqtl <- function(x, ...) {
  take_dots(...)
  print(x$fit)
  if (!is.null(x$pve)) {
    cat("Share of variance explained, by outcome:\n")
    print(summary(unname(x$pve)), digits = 3)
  }
  invisible(x)
}

#' @rdname fqtl-methods
#' @export
coef.fqtl <- function(object, ...) {
  take_dots(...)
  if (is.null(object$B)) {
    stop_mnmash(
      "type", as_typed("object"), " has no predictors: see its `u` and `v`"
    )
  }
  # On the scale of X as it was given.
  intercept <- object$covariates[1L, ] - drop(object$X_means %*% object$B)
  out <- rbind(`(Intercept)` = intercept, object$B)
  colnames(out) <- colnames(object$B)
  out
}

#' @rdname fqtl-methods
#' @export
fitted.fqtl <- function(object, ...) {
  take_dots(...)
  object$fitted.values
}

#' @rdname fqtl-methods
#' @export
residuals.fqtl <- function(object, ...) {
  take_dots(...)
  object$residuals
}

#' @rdname fqtl-methods
#' @export
nobs.fqtl <- function(object, ...) {
  take_dots(...)
  sum(!is.na(object$residuals))
}

#' @rdname fqtl-methods
#' @export
predict.fqtl <- function(object, newdata = NULL, covariates = NULL, offset = NULL,
                         type = c("response", "link"), ...) {
  take_dots(...)
  type <- match_choice(type, c("response", "link"))
  if (is.null(newdata)) {
    if (!is.null(covariates) || !is.null(offset)) {
      stop_mnmash(
        "argument", as_typed(if (is.null(covariates)) "offset" else "covariates"), " is of new ",
        "samples: give ", as_typed("newdata"), " with it"
      )
    }
    return(if (type == "link") object$eta else object$fitted.values)
  }
  if (is.null(object$B) || object$u_prior == "values" || !is.null(object$factor_weight)) {
    stop_mnmash(
      "type", as_typed("newdata"), " cannot be predicted by ", as_typed("object"),
      ", which has values of its own samples"
    )
  }
  if (object$has_offset && is.null(offset)) {
    stop_mnmash(
      "argument", "`offset` is needed: the fit has one, and new samples have their own; give 0 ",
      "for none"
    )
  }
  X <- new_predictors(newdata, nrow(object$B), rownames(object$B))
  C <- cbind(rep(1, X$n), new_covariates(covariates, X$n, object$terms, X$samples))
  eta <- C %*% object$covariates +
    predictor_values(X, object$B) - rep(drop(object$X_means %*% object$B), each = X$n)
  dimnames(eta) <- list(X$samples, colnames(object$B))
  offset <- fqtl_offset(offset, list(
    n = X$n, samples = X$samples, m = ncol(eta), outcomes = colnames(eta),
    whose = as_typed("newdata")
  ))
  if (!is.null(offset)) eta <- eta + offset
  if (type == "link") eta else inverse_link(object, eta)
}

# Means of the outcomes at a known linear predictor.
inverse_link <- function(object, eta) {
  switch(object$family,
    gaussian = , voom = eta,
    binomial = , beta = stats::plogis(eta),
    nb = exp(eta) * if (object$nb_link == "odds") {
      rep(object$dispersion$value[1L, ], each = nrow(eta))
    } else {
      1
    }
  )
}

#' @rdname fqtl-methods
#' @export
fqtl_impute <- function(object, Y, ...) {
  take_dots(...)
  if (!inherits(object, "fqtl")) stop_mnmash("type", as_typed("object"), " must be a fit of fqtl()")
  Y <- as_numeric_matrix(Y)
  means <- align_rows(
    object$fitted.values, rownames(Y), nrow(Y), "object", "sample", to = "`Y`"
  )
  means <- align_columns(means, colnames(Y), ncol(Y), "object", "outcome", to = "`Y`")
  Y[is.na(Y)] <- means[is.na(Y)]
  Y
}

#' @rdname fqtl-methods
#' @export
logLik.fqtl <- function(object, ...) {
  take_dots(...)
  bound_loglik(object$elbo[length(object$elbo)], NA_integer_, stats::nobs(object))
}

#' @export
`$.fqtl` <- function(x, name) exact_entry(x, name)

#' @exportS3Method generics::tidy
tidy.fqtl <- function(x, ...) {
  take_dots(...)
  tidy_effects(as.data.frame(x))
}

#' @exportS3Method generics::glance
glance.fqtl <- function(x, ...) {
  take_dots(...)
  data.frame(
    elbo = x$elbo[length(x$elbo)], factors = x$rank, nobs = stats::nobs(x),
    predictors = length(x$X_means), conditions = ncol(x$eta), converged = x$converged,
    iterations = x$n_iter
  )
}
