# Names: the one place where two things that share a dimension are brought together.
#
# Where both sides have names they are matched by name: another order is put in order, a larger
# thing is reduced to what is needed (said once), what is missing is an error that lists it. Where
# one side has no names, sizes must agree, and order counts.

# The places in `own` of the names `wanted`, so that `own[align_to(...)]` are `wanted`. `name` is
# the argument that is brought into order, as the user wrote it, `kind` what its dimension holds
# ("condition", "unit", "variant", ...), `to` what it is aligned to. `more` says what becomes of
# names in `own` that are not wanted: "reduce" leaves them out, and says so once of the argument;
# "silent" leaves out what the user asked to; "refuse" is an error.
align_to <- function(own, wanted, name, kind, n_own = length(own), n_wanted = length(wanted),
                     to = "the data", more = c("reduce", "refuse", "silent")) {
  # The usual case, at the cost of one comparison.
  if (!is.null(own) && identical(own, wanted)) return(seq_len(n_wanted))
  own <- whole_names(own)
  wanted <- whole_names(wanted)
  if (is_invented(own) != is_invented(wanted) && !any(own %in% wanted)) own <- wanted <- NULL
  if (is.null(own) || is.null(wanted)) {
    if (n_own != n_wanted) stop_other_size(name, kind, n_own, n_wanted, to, own, wanted)
    return(seq_len(n_wanted))
  }
  if (identical(own, wanted)) return(seq_len(n_wanted))
  for (side in list(list(own, as_typed(name)), list(wanted, to))) {
    twice <- anyDuplicated(side[[1L]])
    if (twice) {
      stop_mnmash(
        "names", side[[2L]], if (are_several(side[[2L]])) " have" else " has", " two ", kind,
        "s named \"", side[[1L]][twice], "\": ", as_typed(name), " and ", to,
        " cannot be matched by name; give distinct names, or none to go by position"
      )
    }
  }
  at <- match(wanted, own)
  absent <- wanted[is.na(at)]
  extra <- own[!own %in% wanted]
  if (length(absent) || (more[1L] == "refuse" && length(extra))) {
    stop_other_names(name, kind, to, absent, extra, length(wanted))
  }
  if (length(extra) && more[1L] != "silent") {
    tell_once(
      as_typed(sub("[$].*", "", name)), ": ", length(at), " of its ", length(own), " ", kind,
      "s are used, those of ", to
    )
  }
  at
}

# Names of which some are missing cannot be matched: they are none.
whole_names <- function(x) {
  x <- name_text(x)
  if (anyNA(x) || !all(nzchar(x))) NULL else x
}

# Names that this package, its simulations or R make up where there are none.
is_invented <- function(names) {
  starts <- c("condition", "condition_", "U", "V", "")
  start <- starts[match(names[1L], paste0(starts, 1L))]
  length(names) > 0L && !is.na(start) && identical(names, paste0(start, seq_along(names)))
}

# Names as text. A whole number has one name, whether it is stored as 100000L or as 1e5.
name_text <- function(x) {
  if (is.null(x)) return(NULL)
  if (inherits(x, "integer64")) return(integer64_text(x))
  if (is.numeric(x) && !is.factor(x)) {
    return(ifelse(
      x == round(x) & abs(x) < 2^53, formatC(x, format = "f", digits = 0, mode = "double"),
      as.character(x)
    ))
  }
  x <- as.character(x)
  # What became text before it came here.
  rounded <- grep("^[1-9][0-9.]*e[+][0-9]+$", x)
  if (length(rounded)) x[rounded] <- name_text(as.numeric(x[rounded]))
  x
}

# Whether a verb about it is in the plural: "the data have", but "`X` has" and "the fit has".
are_several <- function(what) grepl("^[^`]*(data|[^s]s)$", what)

stop_other_size <- function(name, kind, n_own, n_wanted, to, own, wanted) {
  stop_mnmash(
    "dimension", as_typed(name), " has ", n_own, " ", kind, if (n_own != 1) "s", ", but ", to,
    if (are_several(to)) " have " else " has ", n_wanted,
    if (is.null(own) && is.null(wanted)) {
      ": without names on both sides they cannot be matched"
    } else if (is.null(own)) {
      paste0(": without names in ", as_typed(name), " they cannot be matched")
    } else {
      paste0(": without names in ", to, " they cannot be matched")
    }
  )
}

stop_other_names <- function(name, kind, to, absent, extra, n) {
  stop_mnmash(
    "names", as_typed(name), " does not go with ", to, ": ",
    if (length(absent)) {
      paste0("it lacks ", length(absent), " of ", n, " ", kind, "s (", first_few(absent, 3L), ")")
    },
    if (length(absent) && length(extra)) ", and ",
    if (length(extra)) {
      paste0("it has ", length(extra), " that ", to, " lack", if (!are_several(to)) "s", " (",
             first_few(extra, 3L), ")")
    },
    "; give the same names on both sides, or none to go by position"
  )
}

# Rows, columns, both margins, or elements of `x` for the names `wanted` (`n` of them).
align_rows <- function(x, wanted, n, name, kind, ...) {
  at <- align_to(rownames(x), wanted, name, kind, nrow(x), n, ...)
  if (in_order(at, nrow(x))) x else x[at, , drop = FALSE]
}

align_columns <- function(x, wanted, n, name, kind, ...) {
  at <- align_to(colnames(x), wanted, name, kind, ncol(x), n, ...)
  if (in_order(at, ncol(x))) x else x[, at, drop = FALSE]
}

# A square matrix, or an R x R x J array of them.
align_square <- function(x, wanted, n, name, kind, ...) {
  at <- align_to(square_names(x, name, kind), wanted, name, kind, dim(x)[1L], n, ...)
  if (in_order(at, dim(x)[1L])) return(x)
  if (length(dim(x)) == 3L) x[at, at, , drop = FALSE] else x[at, at, drop = FALSE]
}

align_vector <- function(x, wanted, n, name, kind, ...) {
  at <- align_to(names(x), wanted, name, kind, length(x), n, ...)
  if (in_order(at, length(x))) x else x[at]
}

# What is given for each of n things called `wanted`, such as weights: NULL, one for all, or a
# vector (with names: by name).
align_each <- function(x, wanted, n, name, kind, to = "the data") {
  if (is.null(names(x)) || length(x) == 1L && n != 1L) return(x)
  if (length(x) != n && (is.null(wanted) || is_invented(wanted))) return(x)
  unname(align_vector(x, wanted, n, name, kind, to = to, more = "refuse"))
}

in_order <- function(at, n) length(at) == n && identical(at, seq_len(n))

# The names of a square matrix's margins, which must be the same where both are given.
square_names <- function(x, name, kind) {
  rows <- dimnames(x)[[1L]]
  columns <- dimnames(x)[[2L]]
  if (!is.null(rows) && !is.null(columns) && !identical(rows, columns)) {
    at <- which(rows != columns)[1L]
    stop_mnmash(
      "names", as_typed(name), " must have the same names on its rows and columns: ", kind, " ", at,
      " is ", rows[at], " in the rows, ", columns[at], " in the columns"
    )
  }
  if (is.null(rows)) columns else rows
}

# A message that is not repeated within one call of a function of this package by the user.
tell_once <- function(..., class = NULL) {
  text <- paste0(...)
  # What was said stands in the frame of the call itself, and is gone with it.
  frame <- user_frame()
  if (text %in% frame$.told) return(invisible())
  frame$.told <- c(frame$.told, text)
  classes <- c(class, "simpleMessage", "message", "condition")
  message(structure(class = classes, list(message = paste0(text, "\n"), call = NULL)))
}

condition_names <- function(x) {
  if (is.null(colnames(x))) as.character(seq_len(ncol(x))) else colnames(x)
}

labels_or_numbers <- function(names, n) if (is.null(names)) as.character(seq_len(n)) else names

describe_entries <- function(x) {
  if (!length(names(x))) return("no names")
  entries <- paste0("`", names(x), "`")
  if (length(entries) > 12) entries <- c(entries[1:12], "...")
  paste(entries, collapse = ", ")
}

name_margins <- function(x, conditions) {
  third <- if (length(dim(x)) == 3L) list(dimnames(x)[[3L]])
  dimnames(x) <- c(list(conditions, conditions), third)
  x
}
