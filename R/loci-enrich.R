# Prior probabilities of variables from annotations, learnt over many loci.

#' Enrichment of causal variables in annotations
#'
#' Learns from many loci how annotations change the probability that a variable has an effect, for
#' use as `prior_weights` of [finemap()].
#'
#' `method = "single"` supposes at most one causal variable per locus: `log(pi_j / (1 - pi_j)) =
#' a_0 + x_j'a`. The likelihood is then a closed form of the Bayes factors of single variables, and
#' is maximised by EM with logistic regressions. `method = "multi"` lets each locus have several
#' effects: the E-step is [finemap()] of every locus, with prior weights proportional to
#' `exp(x_j'a)`, and the M-step a multinomial regression of where its effects are, each counted
#' with the probability that it is there. With `update_weights` the mixture weights of the prior
#' are re-estimated too: those of component k become the share of effects that it explains. Loci
#' run in parallel under the plan of the package future, if it and future.apply are installed.
#'
#' Intervals (`"single"` only) hold the coefficients that are not rejected by a likelihood-ratio
#' test, the others re-estimated.
#'
#' @param loci for `"single"`: a data frame with a row for each variable and columns `locus` and
#'   `log_bf` (natural logarithm) or `z`; or a list of vectors of log Bayes factors, or of fits of
#'   [finemap()], whose first effects' are taken. For `"multi"`: a list of data from
#'   [finemap_data()], [finemap_suffstat()] or [finemap_sumstats()].
#' @param annotations m x q matrix or data frame of numbers, a row for each variable, loci one
#'   after the other; or a list of such matrices, one for each locus. Row names, if variables have
#'   names too, must agree. `NULL`: no annotation (`"single"`: only the average probability).
#' @param method see above.
#' @param penalty ridge penalty: `penalty / 2` times the sum of squared coefficients is subtracted
#'   from the log-likelihood. Needed where annotations separate causal variables from others.
#' @param kappa ratios of effect variance to squared standard errors over which Bayes factors are
#'   averaged, where `z` is given.
#' @param start initial coefficients.
#' @param conf_level level of the intervals; `NULL` for none.
#' @param tol stop when the log-likelihood (or the sum of ELBOs) gains less.
#' @param max_iter most EM iterations. Default 1000, or 20 for `"multi"`.
#' @param prior,... for `"multi"`: the prior and further arguments of [finemap()], such as `V`,
#'   `L`.
#' @param update_weights for `"multi"`: estimate the mixture weights of the prior too.
#' @param n_threads number of threads.
#'
#' @return An object of class `enrich`, a list of
#' - `coef`: a data frame with `estimate`, and for `"single"` `lower`, `upper` and `p_value` of the
#'   likelihood ratio;
#' - `prior_weights`: a list of vectors, one for each locus: probabilities (`"single"`), or weights
#'   with sum 1 (`"multi"`);
#' - `pip`: a list of posterior probabilities; `loci`: a data frame with, for each locus, `p_null`,
#'   the probability that nothing in it is causal, and `fdr`, the Bayesian false discovery rate
#'   when it and all loci with smaller `p_null` are called (`"single"`), or the expected number of
#'   effects (`"multi"`);
#' - `loglik` (the trace), `converged`, `n_iter`; and for `"multi"` `fits` and `prior`.
#' @references Wen (2016), AJHG 98, 1114-1129, for the single-signal EM.
#' @export
#' @examples
#' set.seed(1)
#' locus <- rep(1:100, each = 30)
#' near <- rbinom(3000, 1, 0.2)
#' causal <- rbinom(3000, 1, plogis(-5 + 1.5 * near)) == 1
#' z <- rnorm(3000, sd = ifelse(causal, 5, 1))
#' fit <- enrich(data.frame(locus, z), cbind(near))
#' fit
enrich <- function(loci, annotations = NULL, method = c("single", "multi"), penalty = 0,
                   kappa = c(1, 4, 16, 25), start = NULL, conf_level = 0.95, tol = NULL,
                   max_iter = NULL, prior = NULL, ..., update_weights = FALSE, n_threads = NULL) {
  method <- match_choice(method, c("single", "multi"))
  penalty <- check_number(penalty, 0)
  if (method == "multi") {
    return(enrich_multi(
      loci, annotations, penalty, start, if (is.null(tol)) 0.01 else tol,
      if (is.null(max_iter)) 20 else max_iter, prior, list(...), update_weights, n_threads
    ))
  }
  if (...length()) {
    stop_mnmash("argument", "method \"single\" has no argument `", names(list(...))[1L], "`")
  }
  found <- single_loci(loci, kappa)
  X <- annotation_matrix(annotations, found$names, length(found$log_bf))
  X <- cbind(`(Intercept)` = rep(1, length(found$log_bf)), X)
  if (is.null(start)) start <- c(stats::qlogis(1e-3), rep(0, ncol(X) - 1L))
  if (!is.numeric(start) || length(start) != ncol(X) || !all(is.finite(start))) {
    stop_mnmash("argument", "`start` must be ", ncol(X), " numbers, the intercept first")
  }
  starts <- c(0, cumsum(found$sizes))
  run <- function(X, start, offset = numeric(), tol) {
    from_rust(rust_enrich_single(
      starts, X, penalty, found$log_bf, start, offset, tol,
      if (is.null(max_iter)) 1000 else check_count(max_iter, 0),
      resolve_threads(n_threads), NULL
    ))
  }
  fit <- run(X, as.double(start), tol = if (is.null(tol)) 1e-6 else check_number(tol, 0))
  if (!fit$converged) {
    warn_mnmash("convergence", "no convergence in ", length(fit$loglik) - 1L, " iterations")
  }
  coef <- data.frame(estimate = fit$coef, row.names = colnames(X))
  if (!is.null(conf_level)) {
    conf_level <- check_number(conf_level, 0, 1)
    coef <- cbind(coef, profile_intervals(fit, X, run, conf_level))
  }
  parts <- split_by(found$sizes, found$labels)
  null <- fit$null
  rank <- order(null)
  fdr <- numeric(length(null))
  fdr[rank] <- cumsum(null[rank]) / seq_along(null)
  structure(
    list(
      coef = coef, prior_weights = parts(fit$prior), pip = parts(fit$pip),
      loci = data.frame(locus = found$labels, size = found$sizes, p_null = null, fdr = fdr),
      loglik = fit$loglik, converged = fit$converged, n_iter = length(fit$loglik) - 1L,
      method = "single", penalty = penalty
    ),
    class = "enrich"
  )
}

split_by <- function(sizes, labels) {
  index <- rep(seq_along(sizes), sizes)
  \(x) stats::setNames(unname(split(x, index)), labels)
}

# log Bayes factors in the order of loci, their sizes, labels, and the names of variables.
single_loci <- function(loci, kappa) {
  if (is.data.frame(loci)) {
    if (is.null(loci$locus)) stop_mnmash("argument", "`loci` must have a column `locus`")
    log_bf <- if (!is.null(loci$log_bf)) loci$log_bf else log_bf_of_z(loci$z, kappa)
    runs <- rle(as.character(loci$locus))
    twice <- anyDuplicated(runs$values)
    if (twice) {
      stop_mnmash("value", "`loci` must have the rows of a locus together: ", runs$values[twice],
                  " comes twice")
    }
    names <- if (.row_names_info(loci) > 0L) rownames(loci)
    return(list(
      log_bf = check_log_bf(log_bf), sizes = runs$lengths, labels = runs$values, names = names
    ))
  }
  if (!is.list(loci) || !length(loci)) {
    stop_mnmash(
      "type", "`loci` must be a data frame with columns `locus` and `log_bf` or `z`, or a list"
    )
  }
  parts <- lapply(loci, \(x) if (inherits(x, "finemap")) x$lbf_variable[1L, ] else x)
  labels <- if (is.null(names(loci))) paste0("locus", seq_along(loci)) else names(loci)
  names <- unlist(lapply(parts, names), use.names = FALSE)
  log_bf <- unlist(parts, use.names = FALSE)
  if (length(names) != length(log_bf)) names <- NULL
  list(log_bf = check_log_bf(log_bf), sizes = lengths(parts, FALSE), labels = labels, names = names)
}

log_bf_of_z <- function(z, kappa) {
  if (!is.numeric(z)) stop_mnmash("argument", "`loci` must have a column `log_bf` or `z`")
  kappa <- check_grid(kappa)
  terms <- vapply(kappa, \(k) -log1p(k) / 2 + z^2 * k / (2 * (1 + k)), numeric(length(z)))
  log_sum_columns(t(matrix(terms, ncol = length(kappa)))) - log(length(kappa))
}

check_log_bf <- function(x) {
  bad <- which(!is.finite(x))
  if (length(bad)) {
    stop_mnmash(
      "not_finite", "the Bayes factors of `loci` must be finite: number ", bad[1L], " is ",
      x[bad[1L]]
    )
  }
  as.double(x)
}

# m x q, in the order of the variables.
annotation_matrix <- function(annotations, names, m) {
  if (is.null(annotations)) return(NULL)
  if (is.list(annotations) && !is.data.frame(annotations)) {
    annotations <- do.call(rbind, annotations)
  }
  X <- complete_matrix(annotations, "annotations")
  if (nrow(X) != m) {
    stop_mnmash(
      "dimension", "`annotations` must have ", m, " rows, one for each variable, not ", nrow(X)
    )
  }
  check_same_variables(names, rownames(X), "loci", "annotations")
  if (is.null(colnames(X))) colnames(X) <- paste0("annotation", seq_len(ncol(X)))
  constant <- which(apply(X, 2L, \(x) all(x == x[1L])))
  if (length(constant)) {
    stop_mnmash("value", "`annotations` must vary: ",
                describe_index("column", constant[1L], colnames(X)), " is constant")
  }
  rownames(X) <- NULL
  X
}

# Likelihood-ratio intervals, other coefficients re-estimated.
profile_intervals <- function(fit, X, run, level) {
  best <- fit$loglik[length(fit$loglik)]
  half <- stats::qchisq(level, 1) / 2
  rows <- lapply(seq_along(fit$coef), \(c) {
    # What is lost when this coefficient is held.
    loss <- function(value) {
      rest <- X[, -c, drop = FALSE]
      if (!ncol(rest)) {
        held <- run(cbind(rep(0, nrow(X))), 0, X[, c] * value, tol = Inf)
        return(best - held$loglik[1L])
      }
      held <- run(rest, fit$coef[-c], X[, c] * value, tol = 1e-6)
      best - held$loglik[length(held$loglik)]
    }
    end <- function(direction) {
      step <- 0.5
      at <- fit$coef[c]
      while (loss(at + direction * step) < half && step < 64) step <- 2 * step
      if (step >= 64) return(direction * Inf)
      stats::uniroot(
        \(d) loss(at + direction * d) - half, c(0, step), tol = 1e-4
      )$root * direction + at
    }
    data.frame(
      lower = end(-1), upper = end(1),
      p_value = if (c == 1L) NA else stats::pchisq(2 * max(loss(0), 0), 1, lower.tail = FALSE)
    )
  })
  do.call(rbind, rows)
}

enrich_multi <- function(loci, annotations, penalty, start, tol, max_iter, prior, dots,
                         update_weights, n_threads) {
  is_data <- is.list(loci) && length(loci) && all(vapply(loci, inherits, NA, "finemap_data"))
  if (!is_data) {
    stop_mnmash("type", "`loci` must be a list of data from finemap_data() and the like")
  }
  if (is.null(prior)) stop_mnmash("argument", "method \"multi\" needs a `prior`")
  check_flag(update_weights)
  if (is.null(annotations) && !update_weights) {
    stop_mnmash(
      "argument", "there is nothing to estimate without `annotations` or `update_weights`"
    )
  }
  tol <- check_number(tol, 0)
  max_iter <- check_count(max_iter)
  labels <- if (is.null(names(loci))) paste0("locus", seq_along(loci)) else names(loci)
  sizes <- vapply(loci, `[[`, 0L, "p")
  names <- unlist(lapply(loci, `[[`, "variables"))
  X <- annotation_matrix(annotations, if (length(names) == sum(sizes)) names, sum(sizes))
  a <- if (is.null(start)) rep(0, NCOL(X)) else as.double(start)
  if (!is.null(X) && length(a) != ncol(X)) {
    stop_mnmash("argument", "`start` must be ", ncol(X), " numbers, one for each annotation")
  }
  starts <- c(0, cumsum(sizes))
  parts <- split_by(sizes, labels)
  place <- function(a) {
    if (is.null(X)) return(parts(rep(1 / sizes, sizes)))
    lapply(parts(drop(X %*% a)), \(eta) exp(eta - max(eta)) / sum(exp(eta - max(eta))))
  }
  trace <- numeric()
  converged <- FALSE
  for (i in seq_len(max_iter)) {
    weights <- place(a)
    fits <- each_locus(seq_along(loci), \(l) {
      do.call(finemap, c(
        list(loci[[l]], prior, prior_weights = weights[[l]], n_threads = n_threads), dots
      ))
    })
    ridge <- if (is.null(X)) 0 else penalty / 2 * sum(a^2)
    trace[i] <- sum(vapply(fits, \(f) f$elbo[f$n_iter], 0)) - ridge
    if (i > 1L && trace[i] - trace[i - 1L] < tol) {
      converged <- TRUE
      break
    }
    if (i == max_iter) break
    there <- lapply(fits, effect_probability)
    if (!is.null(X)) {
      weight <- unlist(Map(\(f, c) drop(c %*% f$alpha), fits, there), use.names = FALSE)
      a <- from_rust(
        rust_enrich_places(starts, X, penalty, weight, a, resolve_threads(n_threads))
      )$coef
    }
    if (update_weights) prior <- reweighted_prior(fits, there)
  }
  expected <- vapply(fits, \(f) sum(effect_probability(f)), 0)
  structure(
    list(
      coef = data.frame(estimate = a, row.names = colnames(X)), prior_weights = weights,
      pip = stats::setNames(lapply(fits, `[[`, "pip"), labels),
      loci = data.frame(locus = labels, size = unname(sizes), effects = expected),
      loglik = trace, converged = converged, n_iter = length(trace), method = "multi",
      penalty = penalty, fits = stats::setNames(fits, labels), prior = prior
    ),
    class = "enrich"
  )
}

# On the workers of plan(), or here.
each_locus <- function(X, FUN) {
  if (requireNamespace("future.apply", quietly = TRUE)) {
    return(future.apply::future_lapply(X, FUN, future.seed = NULL))
  }
  lapply(X, FUN)
}

# The share of effects that each component explains.
reweighted_prior <- function(fits, there) {
  prior <- fits[[1L]]$prior
  share <- numeric(length(prior$w))
  for (i in seq_along(fits)) {
    for (l in which(fits[[i]]$scale > 1e-9)) {
      effect <- fits[[i]]$effects[[l]]
      share <- share + there[[i]][l] * drop(fits[[i]]$alpha[l, effect$variable] %*% effect$weights)
    }
  }
  if (sum(share) <= 0) return(new_prior(prior$U, prior$w, effect_model = prior$effect_model))
  # No component is lost for good because no locus has it yet.
  w <- pmax(share / sum(share), 1e-8)
  new_prior(prior$U, w / sum(w), effect_model = prior$effect_model)
}

#' @rdname enrich
#' @param x a result of `enrich()`.
#' @export
print.enrich <- function(x, ...) {
  cat(
    "Enrichment over ", nrow(x$loci), " loci, ", sum(x$loci$size), " variables (",
    if (x$method == "single") "one" else "several", " per locus), log-likelihood ",
    format(x$loglik[length(x$loglik)], digits = 8), "\n",
    sep = ""
  )
  if (nrow(x$coef)) print(format(x$coef, digits = 3))
  if (x$method == "single") {
    cat(sum(x$loci$fdr < 0.05), "loci at a false discovery rate of 5%\n")
  }
  if (!x$converged) cat("not converged\n")
  invisible(x)
}
