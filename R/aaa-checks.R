# Checks of arguments that every exported function shares, and the words that say where a bad
# value is. They return the argument in its canonical form, or raise a classed error. The name in
# the message is the argument's as the caller wrote it: `name` is needed only where that is another.

# To be used as a default: the expression that was given for the argument `x` of a check.
arg_name <- function(x) {
  paste(deparse(eval(call("substitute", substitute(x)), parent.frame())), collapse = " ")
}

# "row 3 (geneA)": the number, and the name when there is one.
describe_index <- function(kind, i, names = NULL) {
  if (is.null(names)) paste(kind, i) else paste0(kind, " ", i, " (", names[i], ")")
}

# "row 3 (geneA), column 2 (Liver)", for one position of a matrix.
describe_cell <- function(x, position) {
  i <- (position - 1L) %% nrow(x) + 1L
  r <- (position - 1L) %/% nrow(x) + 1L
  paste0(describe_index("row", i, rownames(x)), ", ", describe_index("column", r, colnames(x)))
}

# "and 4 more", or nothing.
and_more <- function(n, what = "") {
  if (n > 1) paste0(" (and ", n - 1, " more", what, ")") else ""
}

# Distinct names, at least one.
check_labels <- function(x, name = arg_name(x)) {
  if (!is.character(x) || !length(x) || anyNA(x) || !all(nzchar(x))) {
    stop_mnmash("argument", as_typed(name), " must be a character vector of names, without `NA`")
  }
  twice <- anyDuplicated(x)
  if (twice) stop_mnmash("names", as_typed(name), " has \"", x[twice], "\" twice")
  unname(x)
}

# "liver, lung, skin, ..."
first_few <- function(names, n = 8L) {
  paste0(paste(utils::head(names, n), collapse = ", "), if (length(names) > n) ", ...")
}

# A matrix of the package Matrix as a plain one, and a data frame as a matrix; others as they are.
plain_matrix <- function(x, name = arg_name(x)) {
  if (isS4(x) && length(dim(x)) == 2L) {
    force(name)
    check_valid(x, name)
    return(Matrix::as.matrix(x))
  }
  if (!is.data.frame(x)) return(x)
  check_frame(x, name)
  as.matrix(x)
}

# What makes a data frame none: NULL if its columns have one length, and names.
frame_fault <- function(x) {
  columns <- unclass(x)
  if (!is.list(columns)) return("is no list of columns")
  rows <- .row_names_info(x, 2L)
  fits <- vapply(columns, \(column) {
    # Objects may have a length and dimensions of their own.
    if (!is.environment(column)) column <- unclass(column)
    length(dim(column)) < 2L && length(column) == rows
  }, NA)
  if (length(names(columns)) != length(columns) || !all(fits)) {
    "has columns of different lengths, or without names"
  }
}

check_frame <- function(x, name) {
  fault <- frame_fault(x)
  if (!is.null(fault)) stop_mnmash("type", as_typed(name), " ", fault, ": make it again")
  invisible(x)
}

# Other software, or a damaged file, can make a sparse matrix whose parts do not fit together: what
# reads one would go beyond its ends.
check_valid <- function(x, name) {
  if (!inherits(x, "Matrix") || !requireNamespace("Matrix", quietly = TRUE)) {
    stop_mnmash(
      "type", as_typed(name), " must be a plain matrix, not ", class(x)[1L], ": use as.matrix()"
    )
  }
  wrong <- methods::validObject(x, test = TRUE)
  if (!isTRUE(wrong)) {
    stop_mnmash(
      "value", as_typed(name), " is no valid ", class(x)[1L], ": ", wrong[1L], "; make it again"
    )
  }
  invisible(x)
}

# A numeric matrix from a matrix, a data frame, or a vector (one condition).
as_numeric_matrix <- function(x, name = arg_name(x)) {
  if (is.matrix(x) && is.double(x) && !is.object(x) && length(x)) return(x)
  force(name)
  if (isS4(x)) x <- plain_matrix(x, name)
  if (is.data.frame(x)) check_frame(x, name)
  x <- plain_integers(x)
  if (is.data.frame(x)) {
    bad <- which(!vapply(x, \(column) is.numeric(column) || all(is.na(column)), NA))
    if (length(bad)) {
      stop_mnmash(
        "type", as_typed(name), " must hold numbers only: ",
        describe_index("column", bad[1L], names(x)), " is of class ", class(x[[bad[1L]]])[1L],
        and_more(length(bad)),
        "; move identifiers to the row names"
      )
    }
    automatic <- .row_names_info(x) < 0L
    x <- data.matrix(x)
    if (automatic) rownames(x) <- NULL
  } else if (is.null(dim(x)) && is.numeric(x)) {
    x <- matrix(x, ncol = 1L, dimnames = if (!is.null(names(x))) list(names(x), NULL))
  }
  if (!is.matrix(x) || !(is.numeric(x) || all(is.na(x)))) {
    what <- if (is.matrix(x)) paste("a matrix of type", typeof(x)) else class(x)[1L]
    stop_mnmash("type", as_typed(name), " must be a numeric matrix or data frame, not ", what)
  }
  if (!length(x)) {
    stop_mnmash("dimension", as_typed(name), " is empty: it has dimensions ", describe_dim(x))
  }
  if (!is.double(x)) storage.mode(x) <- "double"
  x
}

describe_dim <- function(x) paste(if (is.null(dim(x))) length(x) else dim(x), collapse = " x ")

# Every value finite or NA; NaN is an error, because it is the sign of an earlier mistake. So is a
# value whose square, or sum of squares, is no number any more.
check_finite <- function(x, na_ok = TRUE, name = arg_name(x)) {
  # Without missing values, and between two numbers: nothing is copied.
  if (is_within(x, 1e100) && (!anyNA(x) || na_ok && !any(is.nan(x)))) return(invisible(x))
  bad <- which(if (na_ok) is.infinite(x) | is.nan(x) else !is.finite(x))
  if (length(bad)) {
    stop_mnmash(
      "not_finite", as_typed(name), " must be finite", if (na_ok) " (NA where missing)",
      ": it is ", x[bad[1L]], " at ", describe_cell(x, bad[1L]), and_more(length(bad))
    )
  }
  invisible(check_size(x, name = name))
}

# Whether all that is known is at most so large. (range() would copy.)
is_within <- function(x, largest) {
  suppressWarnings(min(x, na.rm = TRUE) >= -largest && max(x, na.rm = TRUE) <= largest)
}

check_size <- function(x, largest = 1e100, name = arg_name(x)) {
  if (!is_within(x, largest)) {
    bad <- which(abs(x) > largest)
    stop_mnmash(
      "value", as_typed(name), " must not have values beyond ", largest, ": it is ", x[bad[1L]],
      " at ",
      describe_cell(as.matrix(x), bad[1L]), and_more(length(bad)), "; use other units"
    )
  }
  x
}

# One plain number: no date, no matrix of numbers, not NA.
one_number <- function(x) is.numeric(x) && !is.object(x) && length(x) == 1L && !is.na(x)

check_number <- function(x, lower = -Inf, upper = Inf, infinite = FALSE, name = arg_name(x)) {
  if (!one_number(x) || !(infinite || is.finite(x)) || x < lower || x > upper) {
    stop_mnmash(
      "argument", as_typed(name), " must be one ", if (!infinite) "finite ", "number",
      if (upper < Inf) {
        paste0(" between ", lower, " and ", upper)
      } else if (lower > -Inf) {
        paste0(" of at least ", lower)
      }
    )
  }
  as.double(x)
}

check_count <- function(x, lower = 1, upper = Inf, name = arg_name(x)) {
  force(name)
  x <- check_number(x, lower, upper, name = name)
  if (x > 2^53) stop_mnmash("argument", as_typed(name), " is too large a number to count to: ", x)
  if (x != round(x)) stop_mnmash("argument", as_typed(name), " must be a whole number, not ", x)
  x
}

# The number of things that are made one by one, and held: more are a slip of the pen.
check_few <- function(x, lower = 1, upper = 1e6, name = arg_name(x)) {
  force(name)
  check_count(x, lower, upper, name = name)
}

# The numbers that a simulation makes at once, as the product of sizes by name: more would fill the
# memory, and are a slip of the pen.
check_cells <- function(sizes, most = 2e8) {
  cells <- prod(as.double(sizes))
  if (cells > most) {
    stop_mnmash(
      "argument", paste0(vapply(names(sizes), as_typed, ""), collapse = " x "), " is ",
      format(cells), " numbers: at most ", format(most), " are simulated at once"
    )
  }
}

# What set.seed() takes: it ignores what follows the point.
check_set_seed <- function(seed) {
  check_number(seed, -.Machine$integer.max, .Machine$integer.max)
}

check_function <- function(f, what = "a function", name = arg_name(f)) {
  if (!is.function(f)) {
    stop_mnmash(
      "type", as_typed(name), " must be ", what, ", not ", class(f)[1L]
    )
  }
  f
}

check_names_or_numbers <- function(x, name = arg_name(x)) {
  if (!is.null(x) && !(is.character(x) || is.numeric(x) || is.factor(x))) {
    stop_mnmash("type", as_typed(name), " must be names or numbers, not ", class(x)[1L])
  }
  invisible(x)
}

check_flag <- function(x, name = arg_name(x)) {
  if (!is.logical(x) || length(x) != 1L || is.na(x)) {
    stop_mnmash("argument", as_typed(name), " must be TRUE or FALSE")
  }
  x
}

# One of `choices`, partial matching allowed; the whole vector of choices means the first.
match_choice <- function(x, choices, name = arg_name(x)) {
  if (identical(x, choices)) return(choices[1L])
  found <- if (is.character(x) && length(x) == 1L) pmatch(x, choices) else NA
  if (is.na(found)) {
    stop_mnmash(
      "argument", as_typed(name), " must be one of ", paste0('"', choices, '"', collapse = ", ")
    )
  }
  choices[found]
}

# Rows picked by number, name or logical, as row numbers.
check_subset <- function(subset, x, name = arg_name(subset)) {
  force(name)
  if (is.null(subset)) return(seq_len(nrow(x)))
  if (!is.atomic(subset)) {
    stop_mnmash("type", as_typed(name), " must be numbers, names or a logical vector, not ",
                class(subset)[1L])
  }
  rows <- if (is.character(subset)) {
    match(subset, rownames(x))
  } else if (is.logical(subset) && length(subset) == nrow(x)) {
    which(subset)
  } else if (is.numeric(subset)) {
    if (all(subset < 0, na.rm = TRUE)) seq_len(nrow(x))[subset] else subset
  } else {
    NA
  }
  bad <- which(is.na(rows) | rows < 1 | rows > nrow(x))
  if (length(bad)) {
    stop_mnmash(
      if (is.character(subset)) "names" else "argument", as_typed(name),
      " must pick rows of the data (1 to ", nrow(x),
      "): its element ", bad[1L], " is ", subset[bad[1L]], and_more(length(bad))
    )
  }
  if (!length(rows)) stop_mnmash("argument", as_typed(name), " picks no row")
  as.integer(rows)
}

# One number or `n` of them, as `n`.
check_each <- function(x, n, lower = -Inf, upper = Inf, name = arg_name(x)) {
  numbers <- is.numeric(x) && length(x) %in% c(1L, n) && all(is.finite(x))
  if (!numbers || any(x < lower | x > upper)) {
    stop_mnmash(
      "argument", as_typed(name), " must be one number", if (n > 1) paste(" or", n),
      if (lower > -Inf || upper < Inf) paste0(", between ", lower, " and ", upper)
    )
  }
  rep_len(as.double(x), n)
}
