# Contrasts of posteriors of which only means and covariances are known.

# Which cells were measured: those with effects that are not the workflows' zeros.
measured_effects <- function(o, file) {
  x <- read_rds(file, "data")
  if (is.list(x) && !is.data.frame(x)) {
    inside <- o[["data-table-name"]]
    if (!is.null(inside) && !is.null(x[[inside]])) x <- x[[inside]]
    # Where the effects are not called as usual, their only table, or that of the strong set.
    x <- named_table(x, o[["bhat-table-name"]], c("strong.b", effect_names, "z", "Z"), file)
  }
  x <- as_numeric_matrix(x, name = "data")
  is.finite(x) & x != 0
}

# By the rules of posterior_contrast(), as if the posteriors were normal.
contrasts_of_moments <- function(posterior, measured, conditions = NULL, groups = NULL) {
  mean <- if (is.list(posterior)) posterior$PosteriorMean
  if (is.null(mean)) {
    stop_mnmash(
      "type", as_typed("posterior"), " ", what_it_is(posterior), ": it must hold posteriors, ",
      "which the step posterior writes"
    )
  }
  mean <- as.matrix(mean)
  covariance <- posterior$PosteriorCov
  R <- ncol(mean)
  J <- nrow(mean)
  if (!identical(dim(covariance), c(R, R, J))) {
    stop_mnmash(
      "missing_entry", as_typed("posterior"), " has no posterior covariances (`PosteriorCov`, ",
      paste(R, R, J, sep = " x "), "): run the step posterior without --no-posterior-cov, or give ",
      "--mash-model"
    )
  }
  names <- colnames(mean)
  measured <- aligned_measured(measured, rownames(mean), names, J)
  plan <- contrast_plan(list(conditions = names, R = R), NULL, conditions, groups,
                        c("deviation", "pairwise"))
  weight <- item_weights(plan$items, measured)
  maps <- contrast_maps(plan$items, plan, R)
  out <- list(mean = NULL, se = NULL, lfsr = NULL)
  out <- lapply(out, \(x) matrix(NA_real_, J, length(maps$names)))
  m <- rowSums(weight$measured)
  for (j in which(m >= 2)) {
    A <- maps$of(m[j]) * rep(weight$share[j, ], each = length(maps$names))
    out$mean[j, ] <- A %*% mean[j, ]
    out$se[j, ] <- sqrt(pmax(rowSums((A %*% covariance[, , j]) * A), 0))
  }
  out$lfsr <- ifelse(out$se > 0, stats::pnorm(-abs(out$mean / out$se)), 1)
  unknown <- !maps$known(weight$measured)
  contrast_frame(lapply(out, \(x) replace(x, unknown, NA)), maps, rownames(mean))
}

# The measured cells in the order of the posteriors.
aligned_measured <- function(measured, units, conditions, J) {
  measured <- align_rows(measured, units, J, "data", "unit", to = "the posteriors", more = "cut")
  align_columns(
    measured, conditions, length(conditions), "data", "condition", to = "the posteriors",
    more = "cut"
  )
}

# The part of each condition in its item: an equal one of those measured.
item_weights <- function(items, measured) {
  share <- matrix(0, nrow(measured), ncol(measured))
  there <- matrix(FALSE, nrow(measured), length(items), dimnames = list(NULL, names(items)))
  for (i in seq_along(items)) {
    seen <- measured[, items[[i]], drop = FALSE]
    there[, i] <- rowSums(seen) > 0
    share[, items[[i]]] <- seen / pmax(rowSums(seen), 1)
  }
  list(measured = there, share = share)
}
