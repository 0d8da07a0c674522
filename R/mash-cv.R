# Choosing among sets of prior covariances by the log-likelihood of units that were not fitted.

#' Cross-validated choice among sets of prior covariances
#'
#' Splits the units into folds, fits [mash()] with each set of matrices to all folds but one, and
#' evaluates the log-likelihood of the units of that one under the fitted prior. The set with the
#' largest sum describes new units best. Unlike the likelihood of the fit itself, this does not
#' rise with every matrix that is added.
#'
#' Matrices learnt from the data must be learnt anew from the units of each fit, or the held-out
#' units have been seen: give such a set as a function of the data.
#'
#' @param Ulists named list of sets. Each is a list of R x R matrices as in [mash()], or a function
#'   that takes data (the units of a fit) and returns such a list.
#' @param folds number of folds, to which units are dealt at random (by R's random numbers), or the
#'   fold of every unit: J whole numbers or labels, for instance to keep neighbours together.
#' @param ... further arguments of [mash()], such as `grid`, `prior` or `optmethod`.
#' @inheritParams shared_arguments
#'
#' @return An object of class `mash_cv`, a list of
#' - `loglik`: a data frame with one row for each set: `set`, `matrices` (number of matrices in the
#'   first fold), `loglik` (sum over held-out units, on the scale of `Bhat`), `difference` from the
#'   best set and its standard error `se` (from the differences of the units, taken as independent);
#' - `vloglik`: J x sets, the held-out log-likelihood of each unit;
#' - `folds`: the fold of every unit;
#' - `best`: the name of the best set.
#'
#' `summary()` is `loglik`, the best set first; `as.data.frame()` (and `tidy()` of package generics)
#' in the order of `Ulists`; `plot()` shows the differences (by ggplot2).
#' @seealso [near_duplicates()] for matrices that do the same job
#' @export
#' @examples
#' set.seed(1)
#' sims <- simple_sims2(nsamp = 50, err_sd = 0.5)
#' data <- mash_set_data(sims$Bhat, sims$Shat)
#' mash_cv(data, list(
#'   canonical = cov_canonical(data),
#'   both = \(data) c(cov_canonical(data), cov_pca(data, 2))
#' ), folds = 3)
mash_cv <- function(data, Ulists, folds = 5, ...) {
  check_handed_on(mash, list(...))
  check_mash_data(data)
  Ulists <- check_sets(Ulists)
  folds <- check_folds(folds, data$Bhat)
  vloglik <- matrix(
    0, nrow(data$Bhat), length(Ulists), dimnames = list(rownames(data$Bhat), names(Ulists))
  )
  matrices <- integer(length(Ulists))
  for (fold in unique(folds)) {
    held <- which(folds == fold)
    train <- data_rows(data, which(folds != fold))
    test <- data_rows(data, held)
    for (k in seq_along(Ulists)) {
      Ulist <- if (is.function(Ulists[[k]])) Ulists[[k]](train) else Ulists[[k]]
      typed <- list(Ulist = paste0("Ulists$", names(Ulists)[k]))
      m <- known_as(typed, mash(train, Ulist, verbose = FALSE, outputlevel = 1, ...))
      vloglik[held, k] <- mash_compute_vloglik(m, test)
      if (fold == folds[1L]) matrices[k] <- length(Ulist)
    }
  }
  new_mash_cv(vloglik, matrices, folds)
}

check_folds <- function(folds, Bhat) {
  J <- nrow(Bhat)
  if (length(folds) == 1L) {
    n <- check_count(folds, 2)
    if (n > J) stop_mnmash("argument", "`folds` must be at most the number of units, ", J)
    return(sample(rep_len(seq_len(n), J)))
  }
  folds <- align_each(folds, rownames(Bhat), J, "folds", "unit")
  if (length(folds) != J || anyNA(folds) || length(unique(folds)) < 2L) {
    stop_mnmash(
      "argument", "`folds` must be one number, or the fold of each of the ", J, " units (at ",
      "least two folds, none missing)"
    )
  }
  as.vector(folds)
}

new_mash_cv <- function(vloglik, matrices, folds) {
  total <- colSums(vloglik)
  best <- which.max(total)
  behind <- vloglik - vloglik[, best]
  found <- data.frame(
    set = colnames(vloglik), matrices = matrices, loglik = unname(total),
    difference = unname(colSums(behind)),
    se = sqrt(nrow(vloglik)) * unname(apply(behind, 2L, stats::sd))
  )
  structure(
    list(loglik = found, vloglik = vloglik, folds = folds, best = colnames(vloglik)[best]),
    class = "mash_cv"
  )
}

check_sets <- function(Ulists) {
  sets <- is.list(Ulists) && length(Ulists) && all(vapply(Ulists, \(U) {
    is.function(U) || (is.list(U) && length(U) > 0L)
  }, NA))
  if (!sets) {
    stop_mnmash(
      "type", "`Ulists` must be a list of sets: each a list of matrices, or a function of the data"
    )
  }
  if (is.null(names(Ulists)) || any(!nzchar(names(Ulists))) || anyDuplicated(names(Ulists))) {
    stop_mnmash("names", "`Ulists` must have distinct names, one for each set")
  }
  Ulists
}

#' @param x,object what `mash_cv()` returned.
#' @rdname mash_cv
#' @export
print.mash_cv <- function(x, ...) {
  take_dots(...)
  cat(
    "Held-out log-likelihood of ", counted(nrow(x$vloglik), "unit"), " in ",
    length(unique(x$folds)), " folds; the best set is \"", x$best, "\"\n",
    sep = ""
  )
  ordered <- summary(x)
  more <- nrow(ordered) - 10L
  shown <- utils::head(ordered, 10L)
  numbers <- c("loglik", "difference", "se")
  shown[numbers] <- lapply(shown[numbers], round, 2)
  print(shown, row.names = FALSE)
  if (more > 0L) cat("  ...", more, "more, further behind\n")
  invisible(x)
}

#' @rdname mash_cv
#' @export
summary.mash_cv <- function(object, ...) {
  take_dots(...)
  ordered <- object$loglik[order(-object$loglik$loglik), ]
  rownames(ordered) <- NULL
  ordered
}

#' @rdname mash_cv
#' @export
as.data.frame.mash_cv <- function(x, row.names = NULL, optional = FALSE, ...) {
  take_dots(...)
  x$loglik
}

#' @rdname mash_cv
#' @export
plot.mash_cv <- function(x, file = NULL, ...) {
  take_dots(...)
  need_ggplot2()
  shown <- summary(x)
  shown$set <- factor(shown$set, rev(shown$set))
  plot <- ggplot2::ggplot(shown, ggplot2::aes(.data$difference, .data$set)) +
    ggplot2::geom_vline(xintercept = 0, colour = "grey60", linetype = "dashed") +
    ggplot2::geom_segment(
      ggplot2::aes(
        x = .data$difference - 2 * .data$se, xend = .data$difference + 2 * .data$se,
        yend = .data$set
      ),
      colour = "#2a6f97"
    ) +
    ggplot2::geom_point(colour = "#2a6f97", size = 2) +
    ggplot2::labs(
      x = "log-likelihood of new units, less that of the best set (and 2 standard errors)",
      y = NULL, title = "Cross-validation of sets of prior covariances"
    ) +
    ggplot2::theme_minimal() +
    ggplot2::theme(plot.title.position = "plot")
  picture(plot, 6.5 + label_inches(levels(shown$set), 9), 1.5 + 0.25 * nrow(shown), file)
}

#' @exportS3Method generics::tidy
tidy.mash_cv <- function(x, ...) {
  take_dots(...)
  x$loglik
}

#' @exportS3Method generics::glance
glance.mash_cv <- function(x, ...) {
  take_dots(...)
  data.frame(
    n_units = nrow(x$vloglik), n_sets = ncol(x$vloglik), folds = length(unique(x$folds)),
    best = x$best, loglik = max(x$loglik$loglik)
  )
}
