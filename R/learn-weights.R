# The weights of a learnt prior.

# Weights of matrices by random units, with a product if it is needed: list(g, convergence).
learn_weights <- function(random, U, how) {
  m <- mash(random, U, outputlevel = 1, verbose = FALSE, n_threads = how$n_threads)
  g <- fit_prior(m)
  found <- if (how$product) {
    learn_product(
      random, g, drop(m$vloglik) + log_scale(random), resolve_threads(how$n_threads)
    )
  }
  if (!is.null(found)) g[c("pi", "product")] <- found[c("pi", "product")]
  list(g = g, convergence = found$convergence %||% m$convergence)
}
