# The prior of a fit (whose alpha must be the data's), or a fitted_g on the user's word.
given_prior <- function(g, data) {
  check_mash_data(data)
  if (inherits(g, "mash") && !is.null(g$fitted_g)) {
    if (!isTRUE(all.equal(g$alpha, data$alpha))) {
      stop_mnmash(
        "alpha", "`data` has alpha = ", data$alpha, ", but `g` was fitted with alpha = ", g$alpha,
        ": make the data with mash_set_data(..., alpha = ", g$alpha, ")"
      )
    }
    g <- g$fitted_g
  } else {
    message(
      "`g` is a prior without its alpha: make sure that it was fitted with alpha = ", data$alpha
    )
  }
  check_prior(g, ncol(data$Bhat), weights = TRUE)
}

# Likelihoods and posterior weights under known mixture weights.
mixture_summary <- function(data, g, pi_thresh, n_threads) {
  call_core(
    rust_mixture_summary, data, g,
    pi = as.double(g$pi), pi_thresh = check_number(pi_thresh, 0),
    label = "Likelihoods", n_threads = n_threads
  )
}
