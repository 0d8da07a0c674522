# Enrichment where loci may have several effects.

enrich_multi <- function(loci, annotations, start, settings, finemap_arguments, update_weights) {
  found <- region_loci(loci)
  if (is.null(finemap_arguments$prior)) {
    stop_mnmash("argument", "method \"multi\" needs a `prior`")
  }
  if (is.null(annotations) && !update_weights) {
    stop_mnmash(
      "argument", "there is nothing to estimate without `annotations` or `update_weights`"
    )
  }
  tol <- if (is.null(settings$tol)) 0.01 else check_number(settings$tol, 0, name = "tol")
  max_iter <- if (is.null(settings$max_iter)) 20 else check_count(settings$max_iter,
                                                                  name = "max_iter")
  A <- annotation_columns(annotations, found, settings$penalty)
  X <- A$x %||% matrix(0, sum(found$sizes), 0L)
  parts <- split_by(found$sizes, found$labels, found$names)
  # The places of effects: of coefficients, or of the best ones for the expected effects.
  place <- function(a, weight = NULL) {
    call_core(
      "enrich_places",
      loci = list(
        starts = c(0, cumsum(found$sizes)), annotations = X, penalty = settings$penalty
      ),
      evidence = list(weight = weight), control = list(start = as.double(a)),
      n_threads = settings$n_threads
    )
  }
  at <- place(enrich_start(start, rep(0, ncol(X)), colnames(X), A$unit))
  trace <- numeric()
  stop <- "iterations"
  for (i in seq_len(max_iter)) {
    weights <- parts(at$prior)
    fits <- each_locus(seq_along(loci), \(l) {
      arguments <- c(list(loci[[l]], prior_weights = weights[[l]]), finemap_arguments)
      fit_locus(arguments, found$labels[l])
    })
    ridge <- settings$penalty / 2 * sum(at$coef^2)
    trace[i] <- sum(vapply(fits, \(f) f$elbo[f$n_iter], 0)) - ridge
    if (i > 1L && trace[i] - trace[i - 1L] < tol) {
      stop <- "converged"
      break
    }
    if (i == max_iter) break
    there <- lapply(fits, effect_probability)
    weight <- unlist(Map(\(f, c) drop(c %*% f$alpha), fits, there), use.names = FALSE)
    at <- place(at$coef, weight)
    if (update_weights) finemap_arguments$prior <- reweighted_prior(fits, there)
  }
  bad <- which(!vapply(fits, \(f) is.null(f$check$cause), NA))
  if (length(bad)) {
    warn_mnmash(
      "contradiction", "statistics and correlations contradict each other at locus ",
      found$labels[bad[1L]], and_more(length(bad)), ": see `check` of its fit"
    )
  }
  expected <- vapply(fits, \(f) sum(effect_probability(f)), 0)
  ended <- ending_of(stop, i, trace)
  structure(
    list(
      coef = data.frame(estimate = at$coef / A$unit, row.names = colnames(X)),
      prior_weights = weights, pip = stats::setNames(lapply(fits, `[[`, "pip"), found$labels),
      loci = data.frame(locus = found$labels, size = unname(found$sizes), effects = expected),
      loglik = trace, converged = ended$converged, n_iter = i, convergence = ended,
      method = "multi", penalty = settings$penalty, fits = stats::setNames(fits, found$labels),
      prior = finemap_arguments$prior
    ),
    class = "enrich"
  )
}

# The fit of one locus. Contradictions in its data are errors that name it; where they are to be
# warnings, there is one at the end.
fit_locus <- function(arguments, label) {
  withCallingHandlers(
    do.call(finemap, arguments),
    mnmash_error_contradiction = \(e) stop_mnmash(
      "contradiction", "locus ", label, ": ", conditionMessage(e), data = e["check"]
    ),
    mnmash_warning_contradiction = \(w) tryInvokeRestart("muffleWarning")
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
