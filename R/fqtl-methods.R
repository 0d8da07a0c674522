# Methods for fits of fqtl().

#' Methods for fits of fqtl()
#'
#' @param object,x a fit of [fqtl()].
#' @param newdata an n' x p matrix of predictors; the samples of the fit by default.
#' @param covariates n' x q covariates of the new samples, if the fit has any.
#' @param offset known part of their linear predictor: a vector or an n' x m matrix.
#' @param type `"link"`: the linear predictor; `"response"`: the mean of the outcome.
#' @param threshold inclusion probability from which a variant or a tissue is counted.
#' @param Y the outcomes of the fit.
#' @param coverage probability that a set holds its effect.
#' @param level older name of `coverage`.
#' @param by `"variant"`: the probability of an effect through any factor (or directly, on any
#'   outcome); `"factor"`: a column for each factor; `"outcome"`: that of an effect on each outcome.
#' @param ... not used.
#'
#' @return
#' - `coef()`: intercepts and effects, (1 + p) x m; `predict()` and `fitted()`: n x m;
#' - `fqtl_impute()`: `Y` with its missing cells replaced by their posterior means;
#' - `pip()`: inclusion probabilities; factors are taken as independent;
#' - `credible_sets()`: a data frame (`factor`, `effect`, `variant`, `probability`) for fits with
#'   `u_prior = "susie"`;
#' - `as_prior()`: the loadings as prior covariances `v v' + diag(sd^2)`, scaled by the factor's
#'   effect size, with weights by their numbers of variants; the identity that links it to
#'   [mr_mash()] is that, for one factor with known loadings, the step of the variants is that of a
#'   regression with prior matrices 0 and `v v'`.
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
  top <- \(side) apply(side$pip, 2L, which.max)
  names <- \(side) {
    rows <- rownames(side$mean)
    at <- apply(abs(side$mean), 2L, which.max)
    if (is.null(rows)) at else rows[at]
  }
  out <- data.frame(factor = seq_len(x$rank), variants = colSums(x$u$pip > threshold))
  if (x$u_prior == "values") out$variants <- NULL else out$top_variant <- names(x$u)
  out$outcomes <- colSums(x$v$pip > threshold)
  out$top_outcome <- names(x$v)
  out
}

#' @rdname fqtl-methods
#' @export
summary.fqtl <- function(object, threshold = 0.5, ...) {
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
  if (is.null(object$B)) stop_mnmash("type", "`object` has no predictors: see its `u` and `v`")
  # On the scale of X as it was given.
  intercept <- object$covariates[1L, ] - drop(object$X_means %*% object$B)
  out <- rbind(`(Intercept)` = intercept, object$B)
  colnames(out) <- colnames(object$B)
  out
}

#' @rdname fqtl-methods
#' @export
fitted.fqtl <- function(object, ...) object$fitted.values

#' @rdname fqtl-methods
#' @export
predict.fqtl <- function(object, newdata = NULL, covariates = NULL, offset = NULL,
                         type = c("response", "link"), ...) {
  type <- match_choice(type, c("response", "link"))
  if (is.null(newdata)) return(if (type == "link") object$eta else object$fitted.values)
  if (is.null(object$B) || object$u_prior == "values" || !is.null(object$factor_weight)) {
    stop_mnmash("type", "new samples of this fit cannot be predicted: it has their own values")
  }
  newdata <- as_numeric_matrix(newdata)
  check_finite(newdata, na_ok = FALSE)
  if (ncol(newdata) != length(object$X_means)) {
    stop_mnmash(
      "dimension", "`newdata` must have ", length(object$X_means), " columns, not ", ncol(newdata)
    )
  }
  n <- nrow(newdata)
  q <- nrow(object$covariates) - 1L
  eta <- (newdata - rep(object$X_means, each = n)) %*% object$B
  C <- if (q) check_rows(covariates, "covariates", n) else NULL
  if (q && ncol(C) != q) {
    stop_mnmash("dimension", "`covariates` must have ", q, " columns, not ", ncol(C))
  }
  eta <- eta + cbind(rep(1, n), C) %*% object$covariates
  offset <- fqtl_offset(offset, n, ncol(eta))
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
fqtl_impute <- function(object, Y) {
  if (!inherits(object, "fqtl")) stop_mnmash("type", "`object` must be a fit of fqtl()")
  Y <- as_numeric_matrix(Y)
  if (!identical(dim(Y), dim(object$eta))) {
    stop_mnmash("dimension", "`Y` must be ", describe_dim(object$eta), ", not ", describe_dim(Y))
  }
  Y[is.na(Y)] <- object$fitted.values[is.na(Y)]
  Y
}

#' @rdname fqtl-methods
#' @export
logLik.fqtl <- function(object, ...) {
  structure(object$elbo[length(object$elbo)], df = NA_integer_, class = "logLik")
}

#' @rdname fqtl-methods
#' @export
pip.fqtl <- function(x, by = c("variant", "factor", "outcome"), ...) {
  by <- match_choice(by, c("variant", "factor", "outcome"))
  if (by == "factor") return(x$u$pip)
  direct <- if (is.null(x$direct)) 0 * x$B else x$direct$pip
  if (by == "outcome") {
    out <- 1 - direct
    for (k in seq_len(x$rank)) out <- out * (1 - x$u$pip[, k] %o% x$v$pip[, k])
    return(`dimnames<-`(1 - out, dimnames(x$B)))
  }
  # A factor is one event for all outcomes; direct effects on several of them are independent.
  out <- apply(1 - direct, 1L, prod)
  for (k in seq_len(x$rank)) out <- out * (1 - x$u$pip[, k] * max(x$v$pip[, k]))
  stats::setNames(1 - out, rownames(x$B))
}

#' @rdname fqtl-methods
#' @export
credible_sets.fqtl <- function(x, coverage = level, level = 0.95, ...) {
  coverage <- check_number(coverage, 0, 1)
  if (is.null(x$u$alpha)) {
    stop_mnmash("type", "only fits with u_prior = \"susie\" have credible sets")
  }
  one <- \(k, l) {
    alpha <- x$u$alpha[[k]][, l]
    ranked <- order(-alpha)
    kept <- ranked[seq_len(which(cumsum(alpha[ranked]) >= coverage - 1e-12)[1L])]
    data.frame(
      factor = k, effect = l, variant = kept, name = rownames(x$B)[kept] %||% kept,
      probability = alpha[kept], row.names = NULL
    )
  }
  sets <- lapply(seq_along(x$u$alpha), \(k) {
    do.call(rbind, lapply(seq_len(ncol(x$u$alpha[[k]])), \(l) one(k, l)))
  })
  do.call(rbind, sets)
}

#' @rdname fqtl-methods
#' @export
as_prior.fqtl <- function(x, ...) {
  if (!x$rank || is.null(x$B)) {
    stop_mnmash("argument", "`x` has no factor: there is no covariance to learn from it")
  }
  U <- lapply(seq_len(x$rank), \(k) {
    v <- x$v$mean[, k]
    # The effects of a variant that is in: variance 1/tau along the loadings.
    size <- sum(x$u$mean[, k]^2 + x$u$sd[, k]^2) / max(sum(x$u$pip[, k]), 1e-12)
    size * (tcrossprod(v) + diag(x$v$sd[, k]^2, length(v)))
  })
  names(U) <- colnames(x$u$mean)
  w <- colSums(x$u$pip)
  conditions <- rownames(x$v$mean)
  if (is.null(conditions)) conditions <- paste0("condition_", seq_len(nrow(x$v$mean)))
  U <- lapply(U, `dimnames<-`, list(conditions, conditions))
  total <- min(1, sum(w) / nrow(x$B))
  new_prior(U, stats::setNames(w / sum(w) * total, names(U)), null_weight = 1 - total)
}
