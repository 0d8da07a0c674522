# Bad input for every exported function: what may be put in the place of each argument of a valid
# call (helper-fuzz-calls.R), and what came of it.

# Arguments by their full names.
fuzz_arguments <- function(name, given) {
  f <- getExportedValue("mnmash", name)
  formals <- setdiff(names(formals(args(f))), "...")
  labels <- names(given)
  if (is.null(labels)) labels <- rep("", length(given))
  free <- setdiff(formals, labels)
  labels[labels == ""] <- free[seq_len(sum(labels == ""))]
  stats::setNames(given, labels)
}

# What is wrong for (nearly) every argument.
fuzz_anything <- function() {
  list(
    null = NULL, na = NA, na_real = NA_real_, nan = NaN, inf = Inf, minus_inf = -Inf, minus_1 = -1,
    zero = 0, half = 0.5, two_and_half = 2.5, huge = 1e300, tiny = 1e-300, integer = 3L,
    many = 1e10, no_text = character(), text = "wrong", empty_text = "", na_text = NA_character_,
    no_number = numeric(), list = list(), list_of_text = list("a"), list_of_null = list(NULL),
    named_list = list(wrong = 1), two = c(1, 2), two_flags = c(TRUE, FALSE), true = TRUE,
    factor = factor(c("a", "b")), fun = function(...) stop("from the caller's function"),
    empty_matrix = matrix(0, 0, 0), text_matrix = matrix("a", 2, 2), empty_frame = data.frame(),
    frame = data.frame(a = 1:2, b = c("x", "y")), symbol = quote(x), call = quote(a + b),
    environment = new.env(), complex = 1i, raw = as.raw(1), date = as.Date("2020-01-01"),
    s3 = structure(list(), class = "mash"), s3_prior = structure(list(), class = "mnmash_prior"),
    array = array(1, c(2, 2, 2)), formula = y ~ x, unicode = "\u00e9\u4e2d", percent = "%s%n"
  )
}

fuzz_matrices <- function(x) {
  at <- function(i, value) {
    x[i] <- value
    x
  }
  last <- length(x)
  rows <- nrow(x)
  columns <- ncol(x)
  out <- list(
    cell_na = at(1, NA), cell_nan = at(last, NaN), cell_inf = at(1, Inf),
    cell_minf = at(last, -Inf),
    cell_zero = at(1, 0), cell_negative = at(last, -3), cell_huge = at(1, 1e300),
    cell_tiny = at(1, 1e-300), row_na = at(cbind(1, seq_len(columns)), NA),
    column_na = at(cbind(seq_len(rows), 1), NA), all_na = at(seq_len(last), NA),
    all_zero = x * 0, constant = x * 0 + 1, constant_column = at(cbind(seq_len(rows), 1), 2),
    twin_columns = x[, rep(1, columns), drop = FALSE], negated = -x, huge = x * 1e200,
    very_huge = x * 1e305, tiny = x * 1e-200, very_tiny = x * 1e-305, transposed = t(x),
    one_row = x[1, , drop = FALSE],
    two_rows = x[rep(1:2, length.out = min(2, rows)), , drop = FALSE],
    one_column = x[, 1, drop = FALSE], no_rows = x[0, , drop = FALSE],
    no_columns = x[, 0, drop = FALSE], row_less = x[-1, , drop = FALSE],
    column_less = x[, -1, drop = FALSE], column_more = cbind(x, x[, 1]),
    as_integer = matrix(as.integer(round(x)), rows, columns, dimnames = dimnames(x)),
    as_frame = as.data.frame(x), as_text = matrix(as.character(x), rows, columns),
    as_list = asplit(x, 1), as_vector = as.vector(x), as_logical = x > 0,
    wrong_rownames = `rownames<-`(x, paste0("other", seq_len(rows))),
    wrong_colnames = `colnames<-`(x, paste0("other", seq_len(columns))),
    twin_rownames = `rownames<-`(x, rep("same", rows)),
    twin_colnames = `colnames<-`(x, rep("same", columns)),
    no_names = unname(x), reversed = x[, rev(seq_len(columns)), drop = FALSE],
    corner = at(cbind(1, columns), x[1, columns] + 1), three_ways = array(x, c(dim(x), 1))
  )
  if (requireNamespace("Matrix", quietly = TRUE)) {
    out$sparse <- Matrix::Matrix(x, sparse = TRUE)
  }
  out
}

fuzz_vectors <- function(x) {
  at <- function(i, value) {
    x[i] <- value
    x
  }
  list(
    first_na = at(1, NA), first_nan = at(1, NaN), first_inf = at(1, Inf),
    first_negative = at(1, -1), first_zero = at(1, 0), first_huge = at(1, 1e300),
    one_less = x[-1], one_more = c(x, x[1]), twice = c(x, x), reversed = rev(x),
    all_zero = x * 0, all_na = x + NA, huge = x * 1e300, tiny = x * 1e-300,
    as_text = as.character(x),
    as_list = as.list(x), as_factor = factor(x), as_column = cbind(x), as_row = rbind(x),
    named = stats::setNames(x, paste0("n", seq_along(x))), complex = x + 0i,
    fraction = x + 0.5, negated = -x
  )
}

# What may stand in the place of a valid value; elements of plain lists are replaced one by one.
fuzz_values <- function(x, depth = 0) {
  out <- fuzz_anything()
  if (is.numeric(x) && is.matrix(x)) out <- c(out, list_prefix("matrix", fuzz_matrices(x)))
  if (is.numeric(x) && is.null(dim(x)) && length(x) > 1) {
    out <- c(out, list_prefix("vector", fuzz_vectors(x)))
  }
  if (is.character(x)) {
    out <- c(out, list(text_twice = c(x, x), text_upper = toupper(x), text_part = substr(x, 1, 1),
                       text_na = replace(x, 1, NA)))
  }
  if (is.function(x)) {
    returns <- function(value) {
      force(value)
      function(...) value
    }
    out <- c(out, list_prefix("returns", lapply(fuzz_anything(), returns)))
  }
  if (is.list(x) && (!is.object(x) || is.data.frame(x)) && depth < 2 && length(x)) {
    for (i in seq_along(x)) {
      label <- if (is.null(names(x))) i else names(x)[i]
      without <- x
      without[[i]] <- NULL
      out[[paste0("without$", label)]] <- without
      inner <- fuzz_values(x[[i]], depth + 1)
      for (how in names(inner)) {
        changed <- x
        done <- tryCatch(
          {
            changed[i] <- list(inner[[how]])
            TRUE
          },
          error = \(e) FALSE, warning = \(w) FALSE
        )
        if (done) out[[paste0(label, "$", how)]] <- changed
      }
    }
    out$unnamed <- unname(x)
    out$twin_names <- stats::setNames(x, rep("same", length(x)))
    out$twice <- c(x, x)
  }
  out
}

list_prefix <- function(prefix, x) {
  names(x) <- paste0(prefix, "_", names(x))
  x
}

# The places of NaN (not NA) in a value, "" if there are none.
fuzz_nan <- function(x, path = "") {
  if (inherits(x, "ggplot")) return(NULL)
  if (is.double(x)) return(if (any(is.nan(x))) path)
  if (is.list(x)) {
    for (i in seq_along(x)) {
      label <- if (is.null(names(x))) i else names(x)[i]
      found <- fuzz_nan(.subset2(x, i), paste0(path, "$", label))
      if (!is.null(found)) return(found)
    }
  }
  NULL
}

# Functions that return what the caller's function returns, or say NaN by design.
fuzz_callers_values <- c(
  "each_region", "posterior_functional", "genotype_blocks", "get_pairwise_sharing",
  "get_pairwise_sharing_from_samples"
)

# Whether a message names an argument: one of the function's own, as it was given, or an element of
# a plain list or a region among them; or says that one without a name has no use.
fuzz_names_argument <- function(message, formals, arguments) {
  message <- iconv(message, "UTF-8", "UTF-8", sub = "byte")
  if (grepl("argument without a name", message, fixed = TRUE)) return(TRUE)
  # What has no name goes where there is room, perhaps to another function by its dots.
  if (any(names(arguments) == "")) return(grepl("`", message, fixed = TRUE))
  # Data may be a list of regions.
  of_regions <- any(c("regions", "data") %in% formals)
  if (of_regions && grepl("region \"", message, fixed = TRUE)) return(TRUE)
  quoted <- regmatches(message, gregexpr("`[A-Za-z.][A-Za-z0-9._]*", message))[[1L]]
  elements <- lapply(arguments, \(x) if (is.list(x) && !is.object(x)) names(x))
  any(sub("^`", "", quoted) %in% c(formals, names(arguments), unlist(elements)))
}

# "value", "error" (classed, names an argument), or what is wrong, with the message.
fuzz_outcome <- function(name, arguments, seconds = 10, f = getExportedValue("mnmash", name),
                         formals = names(base::formals(args(f)))) {
  warned <- NULL
  setTimeLimit(elapsed = seconds, transient = TRUE)
  on.exit(setTimeLimit(elapsed = Inf))
  wrong <- function(what, message) list(outcome = what, message = message)
  tryCatch(
    withCallingHandlers(
      {
        utils::capture.output(value <- suppressMessages(do.call(f, arguments, quote = TRUE)))
        nan <- if (!name %in% fuzz_callers_values) fuzz_nan(value)
        # What was NaN before may be handed on.
        if (!is.null(nan) && !is.null(fuzz_nan(arguments))) nan <- NULL
        if (!is.null(nan)) wrong("NaN", paste0("at ", nan))
        else if (!is.null(warned)) wrong("plain warning", warned)
        else wrong("value", "")
      },
      warning = \(w) {
        if (!inherits(w, "mnmash_warning")) warned <<- conditionMessage(w)
        invokeRestart("muffleWarning")
      }
    ),
    mnmash_error = \(e) {
      message <- conditionMessage(e)
      if (fuzz_names_argument(message, formals, arguments)) wrong("error", message)
      else wrong("error without a name", message)
    },
    error = \(e) {
      message <- conditionMessage(e)
      if (grepl("from the caller's function", message, fixed = TRUE)) wrong("error", message)
      # What the caller's function was given by dots is its own matter.
      else if (name %in% fuzz_callers_values && startsWith(message, "unused argument")) {
        wrong("error", message)
      } else if (grepl("reached elapsed time limit", message)) wrong("hang", message)
      else wrong("plain error", message)
    },
    interrupt = \(e) wrong("hang", "")
  )
}

# All cases of one function: list(argument, how, arguments).
fuzz_cases <- function(name, given) {
  given <- fuzz_arguments(name, given)
  cases <- list()
  for (argument in names(given)) {
    values <- fuzz_values(given[[argument]])
    for (how in names(values)) {
      changed <- given
      changed[argument] <- values[how]
      cases[[length(cases) + 1L]] <- list(argument = argument, how = how, arguments = changed)
    }
  }
  cases
}
