# The input of the mixture-prior workflows: matrices of a strong, a random and a null set of units.

#' Read the input of the mixture-prior workflows
#'
#' Reads and checks the sets of units that the workflows pass around as one RDS file, and says which
#' cells are missing.
#'
#' The file holds a list of matrices or data frames, units in rows and conditions in columns:
#' `strong.b`, `strong.s`, `strong.z` (effects, standard errors, z-scores) and the same for
#' `random`, `null` and perhaps `random.test`. Where a set has no effects its z-scores are used,
#' with standard errors of 1. All matrices must have the same conditions, by name in any order, and
#' `.s` the units of `.b`; the result has the order of the first. `V`, a residual correlation, is
#' what [mixture_prior()] and [mash_fit()] use if they are given none. Other entries are ignored.
#'
#' @section Missing values:
#' The workflows code a missing cell as an effect of 0 with a standard error of 1000; cells may also
#' be `NA`, `NaN` or infinite. With `missing = "exact"` all of these become `NA`, and later
#' computations use the observed cells only, exactly. Zeros in both `b` and `s` count as missing
#' too.
#' Units without an observed cell are left out, with a message; so is, with a warning, a condition
#' that is missing in all units of a set.
#'
#' With `missing = "reset1000"` missing cells are effects of 0 with a standard error of 1000, as in
#' the workflows: for comparisons. They are then not missing for the EZ model, but z-scores of 0.
#'
#' Z-scores of exactly 0 in files without effects may stand for missing cells; that cannot be known,
#' so they count as observed, with a message.
#'
#' @param file name of an RDS file, or the list that it holds.
#' @param missing what to do with missing cells: `"exact"` or `"reset1000"`.
#' @param sets the sets that must be there.
#' @inheritParams shared_arguments
#'
#' @return An object of class `mash_input`: a list of the matrices `<set>.b` and `<set>.s` of the
#'   sets found, with column names, and `NA` where missing.
#' @seealso [mixture_prior()], [mash_fit()]
#' @export
#' @examples
#' file <- system.file("extdata", "mashr_input.rds", package = "mnmash")
#' input <- read_mash_input(file)
#' input
read_mash_input <- function(file, missing = c("exact", "reset1000"), sets = character(), ...) {
  take_dots(...)
  if (!is.character(sets)) {
    stop_mnmash("type", "`sets` must be names of sets, such as \"strong\", not ", class(sets)[1L])
  }
  known_as(list(data = "file"), mash_input_of(file, missing, sets))
}

# What a step of the pipeline is given as `data`: a file, what is in one, or what was read.
mash_input_of <- function(data, missing, sets = character()) {
  missing <- check_missing(missing)
  input <- data
  if (!inherits(data, "mash_input")) {
    x <- if (is.character(data)) read_rds(data, "data") else data
    input <- from_file("data", data, new_mash_input(x, missing))
    if (is.character(data)) attr(input, "file") <- data
  }
  for (set in sets) check_set(input, set)
  input
}

# One of the two ways with missing cells; "mask" is the workflows' word for the first.
check_missing <- function(missing) {
  if (identical(missing, "mask")) missing <- "exact"
  match_choice(missing, c("exact", "reset1000"))
}

input_sets <- c("strong", "random", "null", "random.test")

new_mash_input <- function(x, missing) {
  if (!is.list(x) || is.data.frame(x)) {
    stop_mnmash(
      "type", as_typed("data"),
      " must be a list of matrices `strong.b`, `strong.s`, `random.b`, ..., not ",
      class(x)[1L]
    )
  }
  found <- lapply(stats::setNames(nm = input_sets), \(set) input_set(x, set))
  found <- found[!vapply(found, is.null, NA)]
  if (!length(found)) {
    what <- what_it_is(x)
    stop_mnmash(
      "missing_entry", as_typed("data"),
      " has none of the entries `strong.b`, `random.b`, `null.b` or the ",
      "same with `.z`: it ", if (!startsWith(what, "is of class")) paste0(what, ", and "), "has ",
      describe_entries(x)
    )
  }
  found <- same_conditions(found)
  found <- lapply(found, \(set) code_missing(set, missing))
  if (missing == "exact") found <- drop_unobserved(found)
  matrices <- list()
  for (set in names(found)) {
    matrices[[paste0(set, ".b")]] <- found[[set]]$b
    matrices[[paste0(set, ".s")]] <- found[[set]]$s
  }
  scores <- names(found)[vapply(found, \(set) grepl("[.]z$", set$from[1L]), NA)]
  structure(
    matrices, class = "mash_input", missing = missing, scores = if (length(scores)) scores,
    V = if (!is.null(x[["V"]])) {
      known_as(list(V = "data$V"), usable_vhat(x[["V"]], colnames(matrices[[1L]])))
    }
  )
}

# Effects and standard errors of one set, or NULL.
input_set <- function(x, set) {
  entry <- function(what) {
    name <- paste0(set, ".", what)
    value <- x[[name]]
    # A set without units is there, and empty.
    if (is.null(value)) return(NULL)
    if ((is.matrix(value) || is.data.frame(value)) && !nrow(value)) {
      value <- as.matrix(value)
      storage.mode(value) <- "double"
      return(value)
    }
    as_numeric_matrix(value, name = paste0("data$", name))
  }
  b <- entry("b")
  s <- entry("s")
  if (is.null(b) != is.null(s)) {
    there <- if (is.null(b)) "s" else "b"
    stop_mnmash(
      "missing_entry", as_typed("data"), " has `", set, ".", there, "` but not `", set, ".",
      setdiff(c("b", "s"), there), "`: add it, or give z-scores alone, as `", set, ".z`"
    )
  }
  from <- paste0(set, ".b")
  if (is.null(b)) {
    b <- entry("z")
    if (is.null(b)) return(NULL)
    from <- paste0(set, ".z")
    s <- array(1, dim(b), dimnames(b))
    zeros <- sum(b == 0, na.rm = TRUE)
    if (zeros) {
      message(
        "`", from, "` has ", zeros, " z-scores that are exactly 0, taken as observed: make them ",
        "NA if they stand for missing cells"
      )
    }
  }
  if (!identical(dim(b), dim(s))) {
    stop_mnmash(
      "dimension", as_typed("data"), ": `", set, ".s` must have the dimensions of `", set, ".b` (",
      describe_dim(b), "), not ", describe_dim(s)
    )
  }
  if (is.null(colnames(b))) colnames(b) <- colnames(s)
  names <- paste0("data$", c(from, paste0(set, ".s")))
  s <- align_rows(
    s, rownames(b), nrow(b), names[2L], "unit", to = as_typed(names[1L], FALSE), more = "refuse"
  )
  s <- align_columns(
    s, colnames(b), ncol(b), names[2L], "condition", to = as_typed(names[1L], FALSE),
    more = "refuse"
  )
  dimnames(s) <- dimnames(b)
  list(b = b, s = s, from = c(from, paste0(set, ".s")))
}

# Every matrix has the conditions of the first one that names them, in its order.
same_conditions <- function(found) {
  named <- Find(\(set) !is.null(colnames(set$b)), found)
  R <- ncol(found[[1L]]$b)
  conditions <- if (is.null(named)) paste0("condition", seq_len(R)) else colnames(named$b)
  first <- if (is.null(named)) found[[1L]] else named
  lapply(found, \(set) {
    at <- align_to(
      colnames(set$b), conditions, paste0("data$", set$from[1L]), "condition", ncol(set$b),
      length(conditions), as_typed(paste0("data$", first$from[1L]), FALSE), "refuse"
    )
    for (what in c("b", "s")) {
      set[[what]] <- set[[what]][, at, drop = FALSE]
      colnames(set[[what]]) <- conditions
    }
    set
  })
}

# Missing cells as NA, or as an effect of 0 with a standard error of 1000.
code_missing <- function(set, missing) {
  absent <- !is.finite(set$b) | !is.finite(set$s)
  if (missing == "exact") {
    absent <- absent | (set$b == 0 & (set$s >= 1000 | set$s == 0))
    set$b[absent] <- NA
    set$s[absent] <- NA
  } else {
    set$b[absent] <- 0
    set$s[absent | set$s <= 0] <- 1000
  }
  set
}

# Units, and conditions, of which nothing is known.
drop_unobserved <- function(found) {
  conditions <- colnames(found[[1L]]$b)
  empty <- lapply(found, \(set) conditions[nrow(set$b) > 0 & colSums(!is.na(set$b)) == 0])
  drop <- unique(unlist(empty))
  if (length(drop) == length(conditions)) {
    stop_mnmash(
      "missing", as_typed("data"), ": every condition is missing in all units of some set"
    )
  }
  if (length(drop)) {
    where <- names(found)[vapply(empty, \(e) drop[1L] %in% e, NA)]
    warn_mnmash(
      "missing", as_typed("data"), ": condition ", drop[1L],
      " is left out, as it is missing in all units of ",
      paste0("`", where, "`", collapse = ", "), and_more(length(drop), " conditions")
    )
  }
  for (name in names(found)) {
    set <- found[[name]]
    for (what in c("b", "s")) set[[what]] <- set[[what]][, !conditions %in% drop, drop = FALSE]
    observed <- rowSums(!is.na(set$b)) > 0
    if (!all(observed)) {
      message(
        sum(!observed), " units of ", as_typed(name), " are left out: nothing is observed of them"
      )
      for (what in c("b", "s")) set[[what]] <- set[[what]][observed, , drop = FALSE]
    }
    found[[name]] <- set
  }
  found
}

check_set <- function(input, set) {
  from_file("data", attr(input, "file"), {
    b <- input[[paste0(set, ".b")]]
    if (is.null(b)) {
      have <- unique(sub("[.][bs]$", "", names(input)))
      stop_mnmash(
        "missing_entry", as_typed("data"), " has no `", set, "` set (`", set, ".b` and `", set,
        ".s`, or `", set, ".z`), which this step needs: it has ",
        paste0("`", have, "`", collapse = ", ")
      )
    }
    if (!nrow(b)) {
      stop_mnmash(
        "too_few", as_typed("data"), ": the `", set, "` set has no units, and this step needs some"
      )
    }
  })
}

# One set as data for mash(). Posteriors of missing cells come in the units of effects: under EZ
# they are those of a cell with the median standard error of its condition.
set_data <- function(input, set, alpha, V = NULL) {
  check_set(input, set)
  b <- input[[paste0(set, ".b")]]
  s <- input[[paste0(set, ".s")]]
  V <- if (is.null(V)) diag(ncol(b)) else unit_correlations(V, rownames(b), set)
  # Matrices are called what they are in the file.
  names <- paste0("data$", set, c(if (set %in% attr(input, "scores")) ".z" else ".b", ".s"))
  data <- from_file("data", attr(input, "file"), known_as(
    list(Bhat = names[1L], Shat = names[2L]), mash_set_data(b, s, alpha = alpha, V = V)
  ))
  if (alpha > 0) data <- with_missing_units(data, s)
  data
}

#' @export
print.mash_input <- function(x, ...) {
  take_dots(...)
  conditions <- colnames(x[[1L]])
  cat("Input of the mixture-prior pipeline: ", length(conditions), " conditions (",
      paste(utils::head(conditions, 3L), collapse = ", "), if (length(conditions) > 3L) ", ...",
      ")\n", sep = "")
  for (name in grep("[.]b$", names(x), value = TRUE)) {
    cells <- sum(is.na(x[[name]]))
    cat("  ", format(sub("[.]b$", "", name), width = 8), nrow(x[[name]]), " units",
        if (cells) paste0(", ", round(100 * cells / length(x[[name]]), 1), "% of cells missing"),
        "\n", sep = "")
  }
  invisible(x)
}
