# Objects of this package that were changed by hand, or come from a damaged file, are found out
# where they come in: they have the parts that their class promises (R/aaa-layouts.R), or an error
# says which is not as it should be.

# The lines of a layout as lists of path, type, optional, sizes.
parse_layout <- function(text) {
  lines <- strsplit(gsub("\\s+", " ", text), "; ?")[[1L]]
  lapply(strsplit(trimws(lines), " "), \(words) {
    list(
      path = strsplit(gsub("[]", "$[]", words[1L], fixed = TRUE), "$", fixed = TRUE)[[1L]] |>
        (\(path) path[nzchar(path)])(),
      type = sub("?", "", words[2L], fixed = TRUE), optional = endsWith(words[2L], "?"),
      sizes = words[-(1:2)]
    )
  })
}

parsed_layouts <- lapply(layouts, parse_layout)

# The class of this package that an object is of, or NULL.
layout_of <- function(x) {
  if (!is.object(x)) return(NULL)
  found <- intersect(class(x), c(names(parsed_layouts), "mash"))
  if (!length(found)) return(NULL)
  # Those of mashr have one class, be they data or a fit.
  if (found[1L] == "mash") found <- if (is_mash_data(x)) "mash_data" else "mash_fit"
  if (found[1L] == "mash_data" && !is.null(unclass(x)[["L"]])) return("mash_data_contrasts")
  found[1L]
}

is_mash_data <- function(x) inherits(x, "mash") && !is.null(unclass(x)[["Bhat"]])

# An error if an object of one of the classes above is not whole; whatever else is let through.
check_whole <- function(x, name = arg_name(x)) {
  class <- layout_of(x)
  if (is.null(class)) return(invisible(x))
  force(name)
  check_layout(x, class, name)
}

# The same of what is to be like an object of that class.
check_layout <- function(x, class, name) {
  complain <- \(...) stop_mnmash(
    "damaged", ..., ": it is not as it was made (class ", class, "); make it again"
  )
  if (!is.list(x)) complain(as_typed(name), " must be a list, not ", typeof(x))
  if (is.data.frame(x)) check_table(x, name, complain)
  known <- new.env()
  for (line in parsed_layouts[[class]]) {
    check_part(unclass(x), line$path, name, line, known, complain)
  }
  invisible(x)
}

# The part of `x` at `path`, and in lists of them each.
check_part <- function(x, path, name, line, known, complain) {
  if (!length(path)) return(check_made(x, name, line, known, complain))
  if (path[1L] == "[]") {
    for (i in seq_along(x)) {
      place <- paste0(name, "[[", i, "]]")
      check_part(.subset2(x, i), path[-1L], place, line, known, complain)
    }
    return(invisible())
  }
  # What is not there, or of another kind, is the matter of its own line.
  if (!is.list(x)) return(invisible())
  name <- paste0(name, "$", path[1L])
  check_part(unclass(x)[[path[1L], exact = TRUE]], path[-1L], name, line, known, complain)
}

check_made <- function(x, name, line, known, complain) {
  if (is.null(x)) {
    if (line$optional) return(invisible())
    complain(as_typed(name), " is missing")
  }
  kind <- part_types[[line$type]]
  if (is.null(kind)) kind <- one_of_words(line$type)
  if (!kind$is(x)) complain(as_typed(name), " must be ", kind$what, ", not ", describe_part(x))
  if (line$type == "o") check_whole(x, name)
  if (line$type == "t") check_table(x, name, complain)
  if (length(line$sizes)) check_sizes(x, name, line, known, complain)
}

check_sizes <- function(x, name, line, known, complain) {
  sizes <- line$sizes
  if (startsWith(sizes[1L], "=")) {
    return(check_counted(x, name, known[[substring(sizes[1L], 2L)]], complain))
  }
  one <- length(sizes) == 1L
  found <- if (one) length(x) else dim(x)
  if (one && length(dim(x)) > 1L && !identical(dim(x)[-1L], 1L) && length(x) > 1L && !is.list(x)) {
    complain(as_typed(name), " must be a vector, not ", describe_dim(x))
  }
  if (any(endsWith(sizes, "?")) && length(found) < length(sizes)) sizes <- sizes[-length(sizes)]
  sizes <- sub("?", "", sizes, fixed = TRUE)
  wanted <- vapply(seq_along(sizes), \(i) {
    size <- sizes[i]
    if (size %in% c("_", "+")) return(NA)
    if (grepl("^[0-9]+$", size)) return(as.numeric(size))
    if (length(found) < i) return(NA)
    if (is.null(known[[size]])) known[[size]] <- found[i]
    as.numeric(known[[size]])
  }, 0)
  right <- length(found) == length(wanted) && all(is.na(wanted) | wanted == found) &&
    !(identical(sizes, "+") && found == 0)
  if (!right) {
    complain(
      as_typed(name), " must have ",
      paste(ifelse(is.na(wanted), "any number of", wanted), collapse = " x "), " elements, not ",
      describe_dim(x)
    )
  }
  if (identical(line$sizes, "1") && is.factor(x)) complain(as_typed(name), " must be text")
  # Words say something wherever there are any.
  known_one <- !line$optional || is.character(x)
  if (identical(line$sizes, "1") && known_one && is.atomic(x) && is.na(x)) {
    complain(as_typed(name), " must be known, not NA")
  }
}

# A number that says how many there are.
check_counted <- function(x, name, size, complain) {
  right <- length(x) == 1L && (is.null(size) || identical(as.numeric(x), as.numeric(size)))
  if (!right) complain(as_typed(name), " must be ", if (is.null(size)) "one number" else size)
}

describe_part <- function(x) {
  if (is.character(x) && length(x) == 1L && !is.na(x)) dQuote(x, FALSE) else class(x)[1L]
}

one_of_words <- function(type) {
  words <- strsplit(type, "|", fixed = TRUE)[[1L]]
  list(
    is = \(x) is.character(x) && length(x) == 1L && x %in% words,
    what = paste(dQuote(words, FALSE), collapse = " or ")
  )
}

part_types <- list(
  n = list(is = \(x) is.numeric(x) && !is.object(x), what = "numbers"),
  v = list(is = \(x) is.numeric(x) && !is.object(x) && all(is.finite(x)), what = "finite numbers"),
  p = list(
    is = \(x) is.numeric(x) && !is.object(x) && length(x) && all(is.finite(x)) && all(x >= 0),
    what = "finite numbers that are not negative"
  ),
  c = list(
    is = \(x) is.numeric(x) && !is.object(x) && all(is.finite(x)) && all(x >= 0 & x == round(x)),
    what = "whole numbers"
  ),
  w = list(is = \(x) is.character(x) && !is.object(x) || is.factor(x), what = "text"),
  f = list(is = \(x) is.logical(x) && !is.object(x), what = "TRUE or FALSE"),
  l = list(is = is.list, what = "a list"),
  L = list(
    is = \(x) is.list(x) && length(names(x)) == length(x) && all(nzchar(names(x))),
    what = "a list with names"
  ),
  t = list(is = is.data.frame, what = "a data frame"),
  o = list(is = \(x) !is.null(layout_of(x)), what = "a fit"),
  a = list(is = \(x) TRUE, what = "anything")
)

check_table <- function(x, name, complain) {
  fault <- frame_fault(x)
  if (!is.null(fault)) complain(as_typed(name), " ", fault)
}

# A fit, or what is laid out like one.
check_fit <- function(m, prior = FALSE, name = arg_name(m)) {
  if (missing(m)) stop_mnmash("argument", as_typed(name), " is needed")
  check_whole(m, name)
  if (inherits(m, "mash") && !is.null(unclass(m)[["Bhat"]])) {
    stop_mnmash(
      "type", as_typed(name), " is data from mash_set_data(): give a fit, such as of mash()"
    )
  }
  if (!is.list(m) || (prior && (!is.list(m$fitted_g) || is.null(m$fitted_g$pi)))) {
    stop_mnmash("type", as_typed(name), " must be a fit, such as of mash(), not ", class(m)[1L])
  }
  m
}

# What `mash_set_data` returns, or an error that says so.
check_mash_data <- function(data, name = arg_name(data)) {
  if (!inherits(data, "mash") || is.null(data$Bhat) || is.null(data$Shat)) {
    stop_mnmash("type", as_typed(name), " must come from mash_set_data()")
  }
  check_whole(data, name)
}
