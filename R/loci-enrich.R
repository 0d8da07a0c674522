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
#' Coefficients are per unit of an annotation as given; for the fit annotations are brought to
#' variance one, so that their units do not matter (the penalty is of coefficients per standard
#' deviation). Intervals (`"single"` only) hold the coefficients that are not rejected by a
#' likelihood-ratio test, the others re-estimated.
#'
#' @param loci for `"single"`: a data frame with a row for each variable and columns `locus` and
#'   `log_bf` (natural logarithm) or `z` (rows of a locus need not be together: results are by
#'   locus, in the order in which loci first appear); or a list of vectors of log Bayes factors, or
#'   of fits of [finemap()], whose first effects' are taken. For `"multi"`: a list of data from
#'   [finemap_data()], [finemap_suffstat()] or [finemap_sumstats()].
#' @param annotations m x q matrix or data frame, a row for each variable, in the order of the
#'   variables of `loci` (of a list: loci one after the other); or a list of them, one for each
#'   locus. Logical annotations count as 0 and 1, factors and text as indicators of all levels but
#'   the first. Where both sides have names, loci and variables are matched by name, also out of
#'   more. `NULL`: no annotation (`"single"`: only the average probability).
#' @param method see above.
#' @param penalty ridge penalty: `penalty / 2` times the sum of squared coefficients, per standard
#'   deviation of their annotations, is subtracted from the log-likelihood. Needed where annotations
#'   separate causal variables from others, or are not independent.
#' @param kappa ratios of effect variance to squared standard errors over which Bayes factors are
#'   averaged, where `z` is given.
#' @param start initial coefficients, for `"single"` with the intercept first; matched to
#'   `(Intercept)` and the annotations if they have names.
#' @param conf_level level of the intervals; `NULL` for none.
#' @param tol stop when the log-likelihood (or the sum of ELBOs) gains less.
#' @param max_iter most EM iterations. Default 1000, or 20 for `"multi"`.
#' @param prior,... for `"multi"`: the prior and further arguments of [finemap()], such as `V`,
#'   `L`.
#' @param update_weights for `"multi"`: estimate the mixture weights of the prior too.
#' @inheritParams shared_arguments
#'
#' @return An object of class `enrich`, a list of
#' - `coef`: a data frame with `estimate`, and for `"single"` `lower`, `upper` and `p_value` of the
#'   likelihood ratio;
#' - `prior_weights`: a list of vectors, one for each locus, with the names of the variables:
#'   probabilities (`"single"`), or weights with sum 1 (`"multi"`);
#' - `pip`: a list of posterior probabilities; `loci`: a data frame with, for each locus, `p_null`,
#'   the probability that nothing in it is causal, and `fdr`, the Bayesian false discovery rate
#'   when it and all loci with smaller `p_null` are called (`"single"`), or the expected number of
#'   effects (`"multi"`);
#' - `loglik` (the trace), `converged`, `n_iter`, `convergence` (as in [mash()]); and for `"multi"`
#'   `fits` and `prior`.
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
  dots <- take_dots(..., also = if (method == "multi") names(formals(finemap)) else character())
  settings <- list(
    penalty = check_number(penalty, 0), tol = tol, max_iter = max_iter,
    n_threads = resolve_threads(n_threads)
  )
  if (method == "multi") {
    finemap_arguments <- c(list(prior = prior, n_threads = settings$n_threads), dots)
    return(enrich_multi(
      loci, annotations, start, settings, finemap_arguments, check_flag(update_weights)
    ))
  }
  if (!is.null(conf_level)) conf_level <- check_number(conf_level, 0, 1)
  enrich_single(single_loci(loci, kappa), annotations, start, settings, conf_level)
}

enrich_single <- function(found, annotations, start, settings, conf_level) {
  A <- annotation_columns(annotations, found, settings$penalty)
  X <- cbind(`(Intercept)` = rep(1, length(found$log_bf)), A$x)
  unit <- c(1, A$unit)
  start <- enrich_start(start, c(stats::qlogis(1e-3), rep(0, length(A$unit))), colnames(X), unit)
  max_iter <- if (is.null(settings$max_iter)) 1000 else check_count(settings$max_iter, 0,
                                                                    name = "max_iter")
  tol <- if (is.null(settings$tol)) 1e-6 else check_number(settings$tol, 0, name = "tol")
  fit <- call_core(
    "enrich_single",
    loci = list(
      starts = c(0, cumsum(found$sizes)), annotations = X, penalty = settings$penalty
    ),
    evidence = list(log_bf = found$log_bf),
    control = list(start = as.double(start), tol = tol, max_iter = max_iter, level = conf_level),
    n_threads = settings$n_threads
  )
  ended <- ending(fit)
  if (!ended$converged) {
    warn_mnmash("convergence", "no convergence in ", ended$iterations, " iterations")
  }
  coef <- data.frame(estimate = fit$coef / unit, row.names = colnames(X))
  if (!is.null(conf_level)) {
    coef$lower <- fit$intervals$lower / unit
    coef$upper <- fit$intervals$upper / unit
    coef$p_value <- c(NA, fit$intervals$p_value[-1L])
  }
  parts <- split_by(found$sizes, found$labels, found$names)
  rank <- order(fit$null)
  fdr <- numeric(length(rank))
  fdr[rank] <- cumsum(fit$null[rank]) / seq_along(rank)
  structure(
    list(
      coef = coef, prior_weights = parts(fit$prior), pip = parts(fit$pip),
      loci = data.frame(locus = found$labels, size = found$sizes, p_null = fit$null, fdr = fdr),
      loglik = ended$trace, converged = ended$converged, n_iter = ended$iterations,
      convergence = ended, method = "single", penalty = settings$penalty
    ),
    class = "enrich"
  )
}

#' @rdname enrich
#' @param x a result of `enrich()`.
#' @export
print.enrich <- function(x, ...) {
  take_dots(...)
  cat(
    "Enrichment over ", nrow(x$loci), " loci, ", sum(x$loci$size), " variables (",
    if (x$method == "single") "one" else "several", " per locus), log-likelihood ",
    format(x$loglik[length(x$loglik)], digits = 8), "\n",
    sep = ""
  )
  print_coefficients(x$coef)
  if (x$method == "single") {
    cat(sum(x$loci$fdr < 0.05), "loci at a false discovery rate of 5%\n")
  }
  if (!x$converged) cat("not converged\n")
  invisible(x)
}

# The first 20.
print_coefficients <- function(coef) {
  more <- nrow(coef) - 20L
  if (nrow(coef)) print(format(utils::head(coef, 20L), digits = 3))
  if (more > 0L) cat("  ...", more, "more, see coef()\n")
}

#' @rdname enrich
#' @param object a result of `enrich()`.
#' @export
coef.enrich <- function(object, ...) {
  take_dots(...)
  stats::setNames(object$coef$estimate, rownames(object$coef))
}

#' @rdname enrich
#' @inheritParams shared_arguments
#' @export
as.data.frame.enrich <- function(x, row.names = NULL, optional = FALSE, ...) {
  take_dots(...)
  sizes <- lengths(x$pip, use.names = FALSE)
  if (!identical(sizes, lengths(x$prior_weights, use.names = FALSE))) {
    stop_mnmash("damaged", as_typed("x"), " has other numbers of `pip` than of `prior_weights`")
  }
  names <- lapply(x$pip, \(p) labels_or_numbers(names(p), length(p)))
  data.frame(
    locus = rep(names(x$pip), sizes), predictor = unlist(names, use.names = FALSE),
    prior = unlist(x$prior_weights, use.names = FALSE), pip = unlist(x$pip, use.names = FALSE)
  )
}

#' @export
`$.enrich` <- function(x, name) exact_entry(x, name)

#' @rdname enrich
#' @export
summary.enrich <- function(object, ...) {
  take_dots(...)
  structure(
    list(
      coef = object$coef, loci = nrow(object$loci), predictors = sum(object$loci$size),
      method = object$method, loglik = object$loglik[length(object$loglik)],
      # Genes or regions that may be called, or the number of effects that are expected.
      found = if (object$method == "single") {
        c(`fdr < 0.05` = sum(object$loci$fdr < 0.05), `fdr < 0.1` = sum(object$loci$fdr < 0.1))
      } else {
        c(`expected effects` = sum(object$loci$effects))
      },
      converged = object$converged
    ),
    class = "summary.enrich"
  )
}

#' @export
print.summary.enrich <- function(x, ...) {
  take_dots(...)
  cat(
    "Enrichment over ", x$loci, " loci, ", x$predictors, " variables, log-likelihood ",
    format(x$loglik, digits = 8), if (!x$converged) " (not converged)", "\n",
    sep = ""
  )
  print_coefficients(x$coef)
  cat(paste0("  ", names(x$found), ": ", format(x$found, digits = 3), collapse = "\n"), "\n",
      sep = "")
  invisible(x)
}

#' @exportS3Method generics::tidy
tidy.enrich <- function(x, ...) {
  take_dots(...)
  words <- c(estimate = "estimate", lower = "conf.low", upper = "conf.high", p_value = "p.value")
  table <- x$coef
  names(table) <- words[names(table)]
  data.frame(term = rownames(table), table, row.names = NULL)
}

#' @exportS3Method generics::glance
glance.enrich <- function(x, ...) {
  take_dots(...)
  data.frame(
    loglik = x$loglik[length(x$loglik)], loci = nrow(x$loci), predictors = sum(x$loci$size),
    converged = x$converged, iterations = x$n_iter
  )
}
