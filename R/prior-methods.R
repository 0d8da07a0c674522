# Methods of class "mnmash_prior".

#' Look at a prior, and take parts of it
#'
#' `prior[conditions]` and `subset(prior, conditions =)` are the prior of the effects in some
#' conditions, or in another order: its exact margin. Matrices that are zero there become part of
#' the null. `subset(prior, components =)` and `prior[, components]` keep some of the matrices and
#' the null, with weights divided by their sum.
#'
#' @param x,object a prior: see [as_prior()].
#' @param i,conditions names or numbers of conditions, or a logical vector. Default: all.
#' @param j,components names or numbers of matrices, or a logical vector. Default: all.
#' @param n how many matrices to print.
#' @inheritParams shared_arguments
#'
#' @return A prior, or for `dim()` the numbers of conditions and of matrices, for `dimnames()` a
#'   list of the names of both (`NULL` for conditions where they are not known). `summary()`: an
#'   object of class `summary.mnmash_prior`, a list of what it prints. `as.data.frame()`: a data
#'   frame with a row for each matrix and one for the null: `component`, `weight`, `rank`, and
#'   `largest_sd`, the largest standard deviation of an effect under it. A `product` (see
#'   [learn_prior()]) is the last row.
#' @name prior-methods
#' @examples
#' U <- list(own = diag(3), shared = matrix(1, 3, 3))
#' prior <- as_prior(list(U = U, w = c(0.4, 0.6)), conditions = c("liver", "lung", "skin"))
#' prior[c("skin", "liver")]
#' subset(prior, components = "shared")$U
#' as.data.frame(prior)
NULL

#' @rdname prior-methods
#' @export
`[.mnmash_prior` <- function(x, i, j, ...) {
  take_dots(...)
  x <- as_prior.mnmash_prior(x)
  if (!missing(i)) {
    at <- picked(i, prior_conditions(x), dim(x)[1L], "conditions")
    x <- prior_margin(x, at)
  }
  if (!missing(j)) {
    at <- picked(j, names(x$U), length(x$U), "components")
    x$U <- x$U[at]
    x$product <- NULL
    x$lfsr_map <- NULL
    x$held_out <- NULL
    total <- x$null_weight + sum(x$w[at])
    if (total <= 0) stop_mnmash("value", "`components` have no weight, and neither has the null")
    x$w <- x$w[at] / total
    x$null_weight <- x$null_weight / total
  }
  x
}

#' @rdname prior-methods
#' @export
subset.mnmash_prior <- function(x, conditions = NULL, components = NULL, ...) {
  take_dots(...)
  if (!is.null(conditions)) x <- x[conditions]
  if (!is.null(components)) x <- x[, components]
  x
}

# Names, numbers (negative ones: all but those) or a logical vector, as numbers without repetition.
picked <- function(i, names, n, what) {
  if (is.factor(i)) i <- as.character(i)
  at <- if (is.character(i)) {
    if (is.null(names)) {
      stop_mnmash("names", "the prior does not know the names of its ", what, ": give numbers")
    }
    match(i, names)
  } else if (is.logical(i) && length(i) == n) {
    which(i)
  } else if (is.numeric(i) && all(i < 0, na.rm = TRUE)) {
    seq_len(n)[i]
  } else if (is.numeric(i)) {
    i
  } else {
    stop_mnmash(
      "type", "`", what, "` must be names, numbers, or a logical vector of length ", n
    )
  }
  bad <- which(is.na(at) | !at %in% seq_len(n))
  if (length(bad)) {
    stop_mnmash(
      "names", "the prior has no ", sub("s$", "", what), " \"", i[bad[1L]], "\"",
      and_more(length(bad)), ": it has ", if (is.null(names)) n else first_few(names)
    )
  }
  if (!length(at) || anyDuplicated(at)) {
    stop_mnmash("argument", "`", what, "` must pick at least one, each once")
  }
  as.integer(at)
}

#' @rdname prior-methods
#' @export
dim.mnmash_prior <- function(x) {
  # Asked of whatever has this class, before it is looked at.
  U <- unclass(x)[["U"]]
  c(if (is.list(U) && length(U)) NROW(U[[1L]]) else 0L, length(U))
}

#' @rdname prior-methods
#' @export
dimnames.mnmash_prior <- function(x) {
  U <- unclass(x)[["U"]]
  if (is.list(U)) list(prior_conditions(unclass(x)), names(U)) else list(NULL, NULL)
}

#' @rdname prior-methods
#' @export
summary.mnmash_prior <- function(object, ...) {
  take_dots(...)
  object <- known_as(list(x = "object"), as_prior.mnmash_prior(object))
  structure(
    list(
      n_conditions = dim(object)[1L], conditions = prior_conditions(object),
      units = object$units, learnt = object$learnt, product = object$product$weight,
      lfsr_map = object$lfsr_map, folds = length(object$held_out$priors),
      table = as.data.frame(object)
    ),
    class = "summary.mnmash_prior"
  )
}

#' @rdname prior-methods
#' @export
print.summary.mnmash_prior <- function(x, n = 10, ...) {
  take_dots(...)
  K <- nrow(x$table) - 1L - !is.null(x$product)
  cat(
    "Prior of ", c(effect = "effects", z = "z-scores")[x$units %||% "effect"], " in ",
    x$n_conditions, " conditions: ", K, if (K == 1L) " matrix" else " matrices", "\n",
    sep = ""
  )
  if (!is.null(x$conditions)) cat("  conditions: ", first_few(x$conditions), "\n", sep = "")
  if (is.null(x$units)) cat("  whether of effects or of z-scores it does not say\n")
  if (!is.null(x$learnt)) {
    units <- x$learnt[["n_units"]]
    cat(
      "  learnt by ", x$learnt[["by"]], "()",
      if (!is.null(units)) paste0(" from ", counted(units, "unit")), "\n",
      sep = ""
    )
    say_few_strong(x$learnt, x$n_conditions, x$lfsr_map)
    if (isTRUE(x$folds > 0)) cat("  and without each of", x$folds, "parts of them\n")
  }
  if (!is.null(x$product)) {
    cat("  effects independent between conditions, each with a null: weight ",
        format(x$product, digits = 3), "\n", sep = "")
  }
  table <- utils::head(x$table, K + 1L)
  table <- table[order(table$component != "null", -table$weight), ]
  more <- nrow(table) - n - 1L
  table <- utils::head(table, n + 1L)
  cat(paste0("  ", format(table$component), "  ", format(table$weight, digits = 3), "\n"), sep = "")
  if (more > 0) cat("  ...", more, "more, of less weight\n")
  invisible(x)
}

#' @rdname prior-methods
#' @export
print.mnmash_prior <- function(x, n = 10, ...) {
  take_dots(...)
  print(summary.mnmash_prior(x), n = n)
  invisible(x)
}

#' @rdname prior-methods
#' @export
as.data.frame.mnmash_prior <- function(x, row.names = NULL, optional = FALSE, ...) {
  take_dots(...)
  x <- as_prior.mnmash_prior(x)
  found <- data.frame(
    component = c("null", names(x$U)), weight = c(x$null_weight, unname(x$w)),
    rank = c(0L, vapply(x$U, covariance_rank, 0L, USE.NAMES = FALSE)),
    largest_sd = c(0, vapply(x$U, \(U) sqrt(max(diag(U))), 0, USE.NAMES = FALSE))
  )
  if (is.null(x$product)) return(found)
  variances <- product_variances(x$product)
  rbind(found, data.frame(
    component = "product", weight = x$product$weight, rank = sum(variances > 0),
    largest_sd = sqrt(max(variances))
  ))
}

#' @exportS3Method generics::tidy
tidy.mnmash_prior <- function(x, ...) {
  take_dots(...)
  as.data.frame(x)
}

#' @exportS3Method generics::glance
glance.mnmash_prior <- function(x, ...) {
  take_dots(...)
  x <- as_prior.mnmash_prior(x)
  data.frame(
    n_conditions = dim(x)[1L], n_components = length(x$U), null = x$null_weight,
    units = x$units %||% NA_character_
  )
}

# What print() says where a prior was learnt from few strong units.
say_few_strong <- function(learnt, R, map) {
  if (!isTRUE(learnt[["few"]])) return(invisible())
  cat(
    "  ", number(learnt[["n_strong"]]), " strong units are few for ", R, " conditions (", 10 * R,
    " are wanted): ", sep = ""
  )
  if (is.null(map)) {
    cat(
      "lfsr may be too small by a factor of two or three;\n",
      "  see lfsr_calibration(m, data = data, relearn = TRUE)\n", sep = ""
    )
  } else {
    cat(
      "lfsr are raised to the errors found where the prior\n  is learnt anew from simulations, ",
      ".05 to ", format(raised(0.05, map), digits = 2), "; as they were: result$lfsr_unmapped\n",
      sep = ""
    )
  }
}
