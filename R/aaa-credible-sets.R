# Credible sets of any fit: one shape, whatever found them.

# An element for each set: list(variables, alpha, coverage, purity, ...). See pip().
new_credible_sets <- function(sets) structure(sets, class = "credible_sets")

# Sets whose members cannot be correlated: their fit has no correlations.
unknown_purity <- c(min = NA_real_, mean = NA_real_, median = NA_real_)

#' @rdname pip
#' @export
print.credible_sets <- function(x, ...) {
  take_dots(...)
  cat(if (length(x)) counted(length(x), "credible set") else "No credible sets", "\n", sep = "")
  for (l in utils::head(names(x), 20L)) {
    set <- x[[l]]
    cat(
      "  ", l, ": ", counted(length(set$variables), "variable"), ", first ",
      member_names(set)[1L], " (", format(set$alpha[[1L]], digits = 3), "), coverage ",
      format(set$coverage, digits = 3),
      if (!is.na(set$purity[[1L]])) paste0(", purity ", format(set$purity[[1L]], digits = 3)), "\n",
      sep = ""
    )
  }
  if (length(x) > 20L) cat("  ...", length(x) - 20L, "more, see as.data.frame()\n")
  invisible(x)
}

#' @rdname pip
#' @inheritParams shared_arguments
#' @export
as.data.frame.credible_sets <- function(x, row.names = NULL, optional = FALSE, ...) {
  take_dots(...)
  sizes <- lengths(lapply(x, `[[`, "variables"), use.names = FALSE)
  at <- rep(seq_along(x), sizes)
  of_set <- \(what) vapply(x, \(set) as.double(set[[what]][[1L]]), 0, USE.NAMES = FALSE)[at]
  # What not all kinds of fit know of a set.
  more <- c("log_bf", "probability", "factor", "effect")
  if (length(x)) more <- intersect(more, names(x[[1L]]))
  data.frame(
    c(list(
      set = if (is.null(names(x))) as.character(at) else names(x)[at],
      predictor = as.character(unlist(lapply(x, member_names), use.names = FALSE)),
      alpha = as.double(unlist(lapply(x, `[[`, "alpha"), use.names = FALSE)), size = sizes[at],
      coverage = of_set("coverage"), purity = of_set("purity")
    ), lapply(stats::setNames(nm = more), of_set))
  )
}

#' @rdname pip
#' @param object credible sets.
#' @export
summary.credible_sets <- function(object, ...) {
  take_dots(...)
  table <- as.data.frame(object)
  table <- table[!duplicated(table$set), , drop = FALSE]
  names(table)[names(table) == "predictor"] <- "sentinel"
  rownames(table) <- NULL
  table
}

#' @export
`[.credible_sets` <- function(x, i) new_credible_sets(unclass(x)[i])

#' @export
`$.credible_sets` <- function(x, name) exact_entry(x, name)

member_names <- function(set) names(set$variables) %||% as.character(set$variables)
