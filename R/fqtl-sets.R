# What a fit of fqtl() says of its predictors: which act, where, and how.

#' @rdname fqtl-methods
#' @export
pip.fqtl <- function(x, by = c("predictor", "factor", "outcome"), ...) {
  take_dots(...)
  by <- match_choice(by, c("predictor", "factor", "outcome"))
  if (by == "factor") return(x$u$pip)
  if (is.null(x$B)) {
    stop_mnmash(
      "type", as_typed("x"), " has no predictors: only pip(x, by = \"factor\") is known of it"
    )
  }
  # Where the factors have values of the samples, predictors act directly only.
  rank <- if (x$u_prior == "values") 0L else x$rank
  direct <- if (is.null(x$direct)) 0 * x$B else x$direct$pip
  if (by == "outcome") {
    out <- 1 - direct
    for (k in seq_len(rank)) out <- out * (1 - x$u$pip[, k] %o% x$v$pip[, k])
    return(`dimnames<-`(1 - out, dimnames(x$B)))
  }
  # A factor is one event for all outcomes; direct effects on several of them are independent.
  out <- apply(1 - direct, 1L, prod)
  for (k in seq_len(rank)) out <- out * (1 - x$u$pip[, k] * max(x$v$pip[, k]))
  stats::setNames(1 - out, rownames(x$B))
}

#' @rdname fqtl-methods
#' @export
credible_sets.fqtl <- function(x, coverage = 0.95, ...) {
  take_dots(...)
  coverage <- check_number(coverage, 0, 1)
  if (is.null(x$u$alpha)) {
    stop_mnmash(
      "type", as_typed("x"), " has no credible sets: only fits with u_prior = \"susie\" have"
    )
  }
  sets <- list()
  for (k in seq_along(x$u$alpha)) {
    for (l in seq_len(ncol(x$u$alpha[[k]]))) {
      alpha <- x$u$alpha[[k]][, l]
      ranked <- unname(order(-alpha))
      kept <- ranked[seq_len(which(cumsum(alpha[ranked]) >= coverage - 1e-12)[1L])]
      sets[[paste0("factor_", k, ".L", l)]] <- list(
        variables = stats::setNames(kept, rownames(x$B)[kept]), alpha = unname(alpha[kept]),
        coverage = sum(alpha[kept]), purity = unknown_purity,
        probability = x$u$presence[[k]][[l]], factor = k, effect = l
      )
    }
  }
  new_credible_sets(sets)
}

#' @rdname fqtl-methods
#' @export
as_prior.fqtl <- function(x, conditions = NULL, ...) {
  take_dots(...)
  if (!x$rank || is.null(x$B) || x$u_prior == "values") {
    stop_mnmash(
      "argument", as_typed("x"),
      " has no factor of predictors: there is no covariance to learn from it"
    )
  }
  U <- lapply(seq_len(x$rank), \(k) {
    v <- x$v$mean[, k]
    # The effects of a variant that is in: variance 1/tau along the loadings.
    size <- sum(x$u$mean[, k]^2 + x$u$sd[, k]^2) / max(sum(x$u$pip[, k]), 1e-12)
    size * (tcrossprod(v) + diag(x$v$sd[, k]^2, length(v)))
  })
  names(U) <- colnames(x$u$mean)
  w <- colSums(x$u$pip)
  outcomes <- rownames(x$v$mean)
  if (!is.null(outcomes)) U <- lapply(U, `dimnames<-`, list(outcomes, outcomes))
  total <- min(1, sum(w) / nrow(x$B))
  prior <- new_prior(
    U, stats::setNames(w / sum(w) * total, names(U)),
    null_weight = 1 - total, units = "effect", learnt = list(by = "fqtl")
  )
  kept_conditions(prior, conditions)
}

#' @rdname fqtl-methods
#' @export
as.data.frame.fqtl <- function(x, row.names = NULL, optional = FALSE, ...) {
  take_dots(...)
  if (is.null(x$B)) {
    side <- lapply(x$v[c("mean", "sd", "pip")], c)
    return(data.frame(
      factor = rep(seq_len(x$rank), each = ncol(x$eta)),
      outcome = rep(labels_or_numbers(colnames(x$eta), ncol(x$eta)), x$rank),
      loading = side$mean, sd = side$sd, pip = side$pip
    ))
  }
  data.frame(
    predictor = rep(labels_or_numbers(rownames(x$B), nrow(x$B)), ncol(x$B)),
    outcome = rep(labels_or_numbers(colnames(x$B), ncol(x$B)), each = nrow(x$B)),
    effect = c(x$B), sd = c(x$B_sd), pip = c(pip(x, "outcome"))
  )
}
