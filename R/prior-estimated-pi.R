#' Estimated mixture weights
#'
#' @param dimension sum the weights over scales, giving one for each covariance matrix (`"cov"`);
#'   over matrices, giving one for each scale of the grid (`"grid"`); or not at all (`"all"`).
#' @inheritParams shared_arguments
#'
#' @return A named vector of weights that sum to one; the null (if any) comes first, and the part of
#'   a learnt prior in which effects are independent between conditions (`product`, if it has one)
#'   last.
#' @export
#' @examples
#' set.seed(1)
#' sims <- simple_sims(nsamp = 20, err_sd = 0.3)
#' data <- mash_set_data(sims$Bhat, sims$Shat)
#' m <- mash(data, cov_canonical(data), verbose = FALSE)
#' round(get_estimated_pi(m), 3)
get_estimated_pi <- function(m, dimension = c("cov", "grid", "all"), ...) {
  take_dots(...)
  dimension <- match_choice(dimension, c("cov", "grid", "all"))
  g <- check_fit(m, prior = TRUE)$fitted_g
  pi <- g$pi
  product <- if (!is.null(g$product)) c(product = g$product$weight)
  if (dimension == "all") {
    names(pi) <- component_names(g$Ulist, g$grid, g$usepointmass)
    return(c(pi, product))
  }
  null <- if (g$usepointmass) c(null = pi[[1L]])
  weights <- matrix(if (g$usepointmass) pi[-1L] else pi, length(g$Ulist))
  weights <- if (dimension == "cov") rowSums(weights) else colSums(weights)
  names(weights) <- if (dimension == "cov") names(g$Ulist) else seq_along(g$grid)
  c(null, weights, product)
}

# The same for people to read, largest first: matrices that are multiples of one another count as
# one, as the scales of the grid do.
largest_weights <- function(m) {
  weights <- get_estimated_pi(m)
  g <- m$fitted_g
  at <- g$usepointmass + seq_along(g$Ulist)
  sort(c(weights_by_matrix(g$Ulist, weights[at]), weights[-at]), decreasing = TRUE)
}
