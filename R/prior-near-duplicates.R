# Prior matrices that do the same job: their weights are shared out arbitrarily.

#' Prior matrices that are nearly the same, and the weight they share
#'
#' Two matrices of the prior that are nearly proportional explain the same units, on one scale or
#' another, and the data cannot tell their weights apart: only the sum over the group means
#' something. Similarity is the cosine of the angle between two matrices,
#' `sum(U * W) / sqrt(sum(U^2) sum(W^2))`, which is 1 when they are proportional. Matrices form a
#' group when each is similar to another one in it.
#'
#' @param m a fit from [mash()], or a named list of R x R matrices (then without weights).
#' @param similarity count matrices as nearly the same from here: 0 to 1.
#' @inheritParams shared_arguments
#'
#' @return A data frame with one row for each matrix that is in a group: `group` (a number, largest
#'   weight first), `matrix`, `weight` (over all scales), `group_weight`, `nearest` (the most
#'   similar other matrix) and `similarity` to that. No rows if all matrices differ.
#' @export
#' @examples
#' set.seed(1)
#' sims <- simple_sims(nsamp = 25, err_sd = 0.5)
#' data <- mash_set_data(sims$Bhat, sims$Shat)
#' m <- mash(data, c(cov_canonical(data), cov_pca(data, 2)), verbose = FALSE)
#' near_duplicates(m, similarity = 0.95)
near_duplicates <- function(m, similarity = 0.99, ...) {
  take_dots(...)
  similarity <- check_number(similarity, 0, 1)
  if (inherits(m, "mash") && !is.null(m$fitted_g)) {
    Ulist <- m$fitted_g$Ulist
    weight <- get_estimated_pi(m)
    weight <- weight[m$fitted_g$usepointmass + seq_along(Ulist)]
  } else {
    first <- if (is.list(m) && length(m)) NROW(m[[1L]]) else 1L
    Ulist <- name_conditions(prior_matrices(m, first, normalize = FALSE, name = "m"))
    weight <- rep(NA_real_, length(Ulist))
  }
  cosine <- matrix_cosines(Ulist)
  group <- linked_groups(cosine >= similarity)
  grouped <- which(group %in% group[duplicated(group)])
  diag(cosine) <- -Inf
  nearest <- max.col(cosine, "first")
  total <- stats::ave(unname(weight), group, FUN = sum)
  found <- data.frame(
    group = group, matrix = names(Ulist), weight = unname(weight), group_weight = total,
    nearest = names(Ulist)[nearest], similarity = cosine[cbind(seq_along(nearest), nearest)]
  )[grouped, ]
  found <- found[order(-found$group_weight, found$group, -found$weight), ]
  found$group <- match(found$group, unique(found$group))
  rownames(found) <- NULL
  found
}

# A matrix of zeros is proportional to another one of zeros only.
matrix_cosines <- function(Ulist) {
  U <- vapply(Ulist, \(U) as.double(U), numeric(length(Ulist[[1L]])))
  U <- matrix(U, ncol = length(Ulist))
  size <- sqrt(colSums(U^2))
  zero <- size == 0
  cosine <- crossprod(scaled_columns(U, ifelse(zero, 0, 1 / size)))
  cosine[zero, zero] <- 1
  pmin(cosine, 1)
}

# The smallest member that can be reached through links, for every member.
linked_groups <- function(linked) {
  diag(linked) <- TRUE
  group <- seq_len(nrow(linked))
  repeat {
    reached <- vapply(seq_along(group), \(k) min(group[linked[, k]]), 0L)
    if (identical(reached, group)) return(group)
    group <- reached
  }
}
