# New data from a fitted prior, measured with the errors of given data.

#' Simulate effects and measurements from a fit
#'
#' Draws, for every unit of `data`, effects from the fitted prior, and measurements of them with the
#' unit's standard errors and the residual correlation of `data`. Cells missing in `data` are
#' missing in the simulation.
#'
#' @param object a fit from [mash()].
#' @param seed `NULL`, or a number for [set.seed()]; R's random numbers are then put back to where
#'   they were.
#' @param data data from [mash_set_data()], with the fit's conditions and `alpha`: usually the data
#'   that were fitted.
#' @inheritParams shared_arguments
#'
#' @return A list of `nsim` simulations, each a list of `B` (the true effects, J x R, in the units
#'   of `Bhat`), `data` (measurements of them, as from [mash_set_data()]) and `component` (the
#'   number of the component each unit was drawn from, that of a `product` being the last).
#' @seealso [lfsr_calibration()]
#' @importFrom stats simulate
#' @export
#' @examples
#' set.seed(1)
#' sims <- simple_sims(nsamp = 25, err_sd = 0.5)
#' data <- mash_set_data(sims$Bhat, sims$Shat)
#' m <- mash(data, cov_canonical(data), verbose = FALSE)
#' again <- simulate(m, data = data)[[1]]
#' head(again$B)
simulate.mash <- function(object, nsim = 1, seed = NULL, data, ...) {
  take_dots(...)
  nsim <- check_count(nsim)
  if (missing(data)) {
    stop_mnmash(
      "argument", as_typed("data"), " is missing: simulations have the errors of some data"
    )
  }
  g <- given_prior(object, data)
  if (!is.null(data$L)) {
    stop_mnmash(
      "unsupported", as_typed("data"), " are contrasts: simulate the conditions themselves"
    )
  }
  check_cells(c(nsim = nsim, data = length(data$Bhat)))
  if (!is.null(seed)) {
    seed <- check_set_seed(seed)
    old <- get0(".Random.seed", globalenv(), inherits = FALSE)
    on.exit(restore_seed(old))
    set.seed(seed)
  }
  lapply(seq_len(nsim), \(i) simulate_once(data, g))
}

restore_seed <- function(old) {
  if (is.null(old)) {
    rm(".Random.seed", envir = globalenv())
  } else {
    assign(".Random.seed", old, envir = globalenv())
  }
}

simulate_once <- function(data, g) {
  J <- nrow(data$Bhat)
  R <- ncol(data$Bhat)
  component <- sample.int(n_weights(g), J, replace = TRUE, prob = c(g$pi, g$product$weight))
  B <- matrix(0, J, R, dimnames = dimnames(data$Bhat))
  index <- component - g$usepointmass - 1L
  matrices <- index %% length(g$Ulist) + 1L
  scales <- g$grid[pmax(index, 0L) %/% length(g$Ulist) + 1L]
  alone <- which(component > length(g$pi))
  index[alone] <- -1L
  if (length(alone)) B[alone, ] <- product_draws(g$product, length(alone))
  for (k in unique(matrices[index >= 0L])) {
    rows <- which(matrices == k & index >= 0L)
    root <- psd_root(g$Ulist[[k]])
    B[rows, ] <- scales[rows] * matrix(stats::rnorm(length(rows) * ncol(root)), length(rows)) %*%
      t(root)
  }
  data$Bhat[] <- B + data$Shat * residual_draws(data)
  if (!is.null(data$missing)) data$Bhat[data$missing] <- 0
  list(B = B * data$Shat_alpha, data = data, component = component)
}

# n x R effects under a product.
product_draws <- function(product, n) {
  L <- length(product$grid)
  sd <- apply(product$pi, 2L, \(w) product$grid[sample.int(L, n, replace = TRUE, prob = w)])
  matrix(sd * stats::rnorm(length(sd)), n)
}

# F with U = F F'.
psd_root <- function(U) {
  decomposition <- eigen(U, symmetric = TRUE)
  keep <- decomposition$values > 1e-14 * max(decomposition$values, 0)
  scaled_columns(
    decomposition$vectors[, keep, drop = FALSE], sqrt(decomposition$values[keep])
  )
}

# J x R draws from N(0, V).
residual_draws <- function(data) {
  noise <- matrix(stats::rnorm(length(data$Bhat)), nrow(data$Bhat))
  root <- \(V) tryCatch(chol(V), error = \(e) {
    stop_mnmash("not_psd", as_typed("data"), ": its `V` is not positive definite")
  })
  if (length(dim(data$V)) == 2L) return(noise %*% root(data$V))
  for (j in seq_len(nrow(noise))) {
    noise[j, ] <- noise[j, ] %*% root(matrix(data$V[, , j], ncol(noise)))
  }
  noise
}
