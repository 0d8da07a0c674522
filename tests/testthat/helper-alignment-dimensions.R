# What names are for: every argument of the valid calls of helper-fuzz-calls.R that carries names
# along a dimension is put in another order (with its names), gets one name changed, or one more.

# The dimensions of `x` that carry names. Of each: its place (`at`), the names, and functions that
# give `x` with the dimension in another order, with other names, and (of what may be larger than
# the data) with one name more.
named_dimensions <- function(x) {
  if (inherits(x, "mash")) return(mash_dimensions(x))
  if (inherits(x, "mnmash_prior")) return(prior_dimensions(x))
  if (is.list(x) && !is.data.frame(x)) return(if (!is.object(x)) list_dimensions(x))
  if (length(dim(x)) >= 2L) return(array_dimensions(x))
  if (is.atomic(x) && is.null(dim(x)) && length(x) > 1L && !is.null(names(x))) {
    return(list(new_dimension(
      "elements", names(x), \(x, at) x[at], \(x, names) stats::setNames(x, names)
    )))
  }
  list()
}

new_dimension <- function(at, names, reorder, rename, extend = NULL) {
  list(at = at, names = names, reorder = reorder, rename = rename, extend = extend)
}

usable_names <- function(names) length(names) > 1L && !anyDuplicated(names)

array_dimensions <- function(x) {
  names <- dimnames(x)
  if (is.data.frame(x) && .row_names_info(x) < 0L) names[[1L]] <- character()
  out <- list()
  square <- !is.data.frame(x) && dim(x)[1L] == dim(x)[2L] && usable_names(names[[1L]]) &&
    identical(names[[1L]], names[[2L]])
  if (square) {
    out <- list(new_dimension(
      "margins", names[[1L]],
      \(x, at) if (length(dim(x)) == 3L) x[at, at, , drop = FALSE] else x[at, at, drop = FALSE],
      \(x, names) {
        dimnames(x)[1:2] <- list(names, names)
        x
      },
      if (length(dim(x)) == 2L) extend_square
    ))
  } else {
    if (usable_names(names[[1L]]) && length(dim(x)) == 2L) {
      out <- list(new_dimension(
        "rows", names[[1L]], \(x, at) x[at, , drop = FALSE],
        \(x, names) `rownames<-`(x, names)
      ))
    }
    if (usable_names(names[[2L]]) && length(dim(x)) == 2L) {
      out <- c(out, list(new_dimension(
        "columns", names[[2L]], \(x, at) x[, at, drop = FALSE], \(x, names) `colnames<-`(x, names),
        \(x) {
          x <- cbind(x, 0)
          colnames(x)[ncol(x)] <- "one_more"
          x
        }
      )))
    }
  }
  if (length(dim(x)) == 3L && usable_names(names[[3L]])) {
    out <- c(out, list(new_dimension(
      "slices", names[[3L]], \(x, at) x[, , at, drop = FALSE],
      \(x, names) {
        dimnames(x)[[3L]] <- names
        x
      }
    )))
  }
  out
}

# A covariance of one condition more, correlated with the first.
extend_square <- function(U) {
  R <- nrow(U)
  join <- rbind(diag(R), as.double(seq_len(R) == 1L))
  out <- join %*% U %*% t(join)
  out[R + 1L, R + 1L] <- 2 * out[R + 1L, R + 1L] + 1
  # The correlation of a unit variance stays one.
  if (all(diag(U) == 1)) {
    out[R + 1L, ] <- out[, R + 1L] <- 0.5 * out[, R + 1L]
    out[R + 1L, R + 1L] <- 1
  }
  dimnames(out) <- rep(list(c(rownames(U), "one_more")), 2L)
  out
}

is_named_square <- function(x) {
  is.matrix(x) && nrow(x) == ncol(x) && usable_names(rownames(x)) &&
    identical(rownames(x), colnames(x))
}

# Entries of lists that are words of an argument, not names along a dimension.
words_of_lists <- c(
  "X", "y", "Y", "Ulist", "pi", "grid", "usepointmass", "strong.b", "random.b", "max_iter", "Kmax"
)

list_dimensions <- function(x) {
  out <- list()
  if (usable_names(names(x)) && !any(names(x) %in% words_of_lists)) {
    out <- list(new_dimension("elements", names(x), \(x, at) x[at], \(x, names) {
      names(x) <- names
      x
    }))
  }
  covariances <- length(x) > 0L && all(vapply(x, is_named_square, NA))
  if (covariances) {
    out <- c(out, list(new_dimension(
      "conditions", rownames(x[[1L]]), \(x, at) lapply(x, \(u) u[at, at, drop = FALSE]),
      \(x, names) lapply(x, `dimnames<-`, list(names, names)), \(x) lapply(x, extend_square)
    )))
    if (length(x) < 2L) return(out)
  }
  for (i in seq_len(min(length(x), if (covariances) 1L else 12L))) {
    out <- c(out, lapply(named_dimensions(x[[i]]), inside, i = i, of = x))
  }
  out
}

# A dimension of the element `i` of a list.
inside <- function(dimension, i, of) {
  label <- if (is.null(names(of))) paste0("[[", i, "]]") else names(of)[i]
  within <- function(f) {
    if (is.null(f)) return(NULL)
    \(x, ...) {
      x[[i]] <- f(x[[i]], ...)
      x
    }
  }
  new_dimension(
    paste0(label, "$", dimension$at), dimension$names, within(dimension$reorder),
    within(dimension$rename), NULL
  )
}

# Data of mash(): units and conditions.
mash_dimensions <- function(x) {
  if (!is.null(x$fitted_g)) return(fit_dimensions(x))
  tables <- intersect(c("Bhat", "Shat", "Shat_alpha", "missing"), names(x))
  each <- function(f) {
    \(x, ...) {
      for (what in tables) if (!is.null(x[[what]])) x[[what]] <- f(x[[what]], ...)
      x
    }
  }
  named_columns <- function(m, names) if (is.null(dimnames(m))) m else `colnames<-`(m, names)
  named_rows <- function(m, names) if (is.null(dimnames(m))) m else `rownames<-`(m, names)
  list(
    new_dimension(
      "units", rownames(x$Bhat),
      \(x, at) {
        x <- each(\(m) m[at, , drop = FALSE])(x)
        if (length(dim(x$V)) == 3L) x$V <- x$V[, , at, drop = FALSE]
        x
      },
      \(x, names) each(named_rows)(x, names)
    ),
    new_dimension(
      "conditions", colnames(x$Bhat),
      \(x, at) {
        x <- each(\(m) m[, at, drop = FALSE])(x)
        x$V <- if (length(dim(x$V)) == 3L) x$V[at, at, , drop = FALSE] else x$V[at, at]
        x
      },
      \(x, names) {
        x <- each(named_columns)(x, names)
        if (!is.null(dimnames(x$V))) dimnames(x$V)[1:2] <- list(names, names)
        x
      }
    )
  )
}

# A fit: the conditions of its prior and results, and the matrices of its prior.
fit_dimensions <- function(x) {
  conditions <- colnames(x$result$PosteriorMean)
  cells <- function(x, f) {
    for (what in names(x$result)) {
      m <- x$result[[what]]
      if (is.matrix(m) && ncol(m) == length(conditions)) x$result[[what]] <- f(m)
    }
    x
  }
  list(
    new_dimension(
      "conditions", conditions,
      \(x, at) {
        x$fitted_g$Ulist <- lapply(x$fitted_g$Ulist, \(u) u[at, at, drop = FALSE])
        samples <- x$result$PosteriorSamples
        if (!is.null(samples)) x$result$PosteriorSamples <- samples[, at, , drop = FALSE]
        cells(x, \(m) m[, at, drop = FALSE])
      },
      \(x, names) {
        x$fitted_g$Ulist <- lapply(x$fitted_g$Ulist, `dimnames<-`, list(names, names))
        if (!is.null(x$result$PosteriorSamples)) colnames(x$result$PosteriorSamples) <- names
        cells(x, \(m) `colnames<-`(m, names))
      },
      \(x) {
        x$result$PosteriorSamples <- NULL
        x$fitted_g$Ulist <- lapply(x$fitted_g$Ulist, \(u) {
          if (is.null(dimnames(u))) dimnames(u) <- list(conditions, conditions)
          extend_square(u)
        })
        cells(x, \(m) cbind(m, one_more = m[, 1L]))
      }
    )
  )
}

prior_dimensions <- function(x) {
  list(
    new_dimension(
      "conditions", rownames(x$U[[1L]]),
      \(x, at) {
        x$U <- lapply(x$U, \(u) u[at, at, drop = FALSE])
        if (!is.null(x$V)) x$V <- x$V[at, at]
        x
      },
      \(x, names) {
        x$U <- lapply(x$U, `dimnames<-`, list(names, names))
        if (!is.null(x$V)) dimnames(x$V) <- list(names, names)
        x
      },
      \(x) {
        x$U <- lapply(x$U, extend_square)
        if (!is.null(x$V)) x$V <- extend_square(x$V)
        x
      }
    ),
    new_dimension("components", names(x$U), \(x, at) {
      x$U <- x$U[at]
      x$w <- x$w[at]
      x
    }, \(x, names) {
      names(x$U) <- names(x$w) <- names
      x
    })
  )
}
