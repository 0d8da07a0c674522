# What the data say of the weight of the null: an interval by profile likelihood.
#
# With the null's weight held at c, the log-likelihood of the other weights q is
# sum_j log sum_p q_p [c L_j0 + (1 - c) L_jp], a problem of the same form in columns that are mixed
# with the null's. The interval is of the c whose best log-likelihood is within half a quantile of
# chi-square of the largest, with as many degrees of freedom as components are in use: all of them
# were fitted, and small ones can stand in for the null, which is why it is often wide. Components
# in use and their neighbours on the grid of scales take part, and of many units some, whose
# log-likelihoods count for all.

# Of a fit with its data, as far as they are.
fitted_null_interval <- function(m, data) {
  check_mash_data(data)
  given <- given_prior(m, data, "object")
  J <- length(m$vloglik)
  if (J && J != nrow(data$Bhat)) {
    stop_mnmash(
      "dimension", as_typed("data"),
      " must be those of the fit: it has ", J, " units, not ", nrow(data$Bhat)
    )
  }
  null_interval(data, given, resolve_threads(NULL))
}

null_interval <- function(data, g, n_threads, level = 0.95, most_units = 4000) {
  if (!g$usepointmass) return(NULL)
  J <- nrow(data$Bhat)
  some_units <- unique(round(seq(1, J, length.out = min(J, most_units))))
  if (length(some_units) < J) data <- data_rows(data, some_units)
  L <- length(g$grid)
  K <- length(g$Ulist)
  used <- matrix(g$pi[-1L] > 1e-10, K, L)
  near <- used
  if (L > 1L) {
    near[, -1L] <- near[, -1L] | used[, -L]
    near[, -L] <- near[, -L] | used[, -1L]
  }
  # The smallest scale of each matrix in use is what the null can be traded for.
  near[, 1L] <- near[, 1L] | rowSums(used) > 0
  at <- which(near, arr.ind = TRUE)
  if (!nrow(at)) return(NULL)
  some <- list(
    Ulist = Map(\(k, l) g$Ulist[[k]] * g$grid[l]^2, at[, 1L], at[, 2L]), grid = 1,
    usepointmass = TRUE
  )
  names(some$Ulist) <- paste0("U", seq_len(nrow(at)))
  loglik <- core_mash("loglik", data, some, label = "Likelihoods", n_threads = n_threads)
  if (!is.null(g$product)) loglik <- cbind(loglik, product_loglik(data, g$product, n_threads))
  top <- do.call(pmax, lapply(seq_len(ncol(loglik)), \(p) loglik[, p]))
  L0 <- exp(loglik[, 1L] - top)
  others <- exp(loglik[, -1L, drop = FALSE] - top)
  best <- function(c) {
    mixed <- pmax(c * L0 + (1 - c) * others, 1e-300)
    mixture_weights(log(mixed), "uniform", tol = 1e-6, n_threads = n_threads)$objective
  }
  grid <- seq(0, 1, 0.125)
  values <- vapply(grid, best, 0)
  drop <- stats::qchisq(level, sum(used) + !is.null(g$product)) / 2 * length(some_units) / J
  least <- max(values) - drop
  inside <- which(values >= least)
  end <- function(i, side) {
    if (i + side < 1L || i + side > length(grid)) return(grid[i])
    ends <- c(grid[i], grid[i + side])
    for (step in 1:5) {
      middle <- mean(ends)
      if (best(middle) >= least) ends[1L] <- middle else ends[2L] <- middle
    }
    ends[1L]
  }
  c(lower = end(min(inside), -1L), upper = end(max(inside), 1L))
}
