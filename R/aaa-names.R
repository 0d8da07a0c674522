condition_names <- function(x) {
  if (is.null(colnames(x))) as.character(seq_len(ncol(x))) else colnames(x)
}

# The part of V or U for the conditions of the data: by name where there are names.
known_conditions <- function(x, conditions, name, whose = "data") {
  R <- dim(x)[1L]
  own <- rownames(x)
  if (is.null(own)) own <- colnames(x)
  have <- if (whose == "data") "the data have" else paste("the", whose, "has")
  if (is.null(own)) {
    if (R != length(conditions)) {
      stop_mnmash(
        "dimension", "`", name, "` is for ", R, " conditions, but ", have, " ", length(conditions),
        ": without names on its rows and columns they cannot be matched"
      )
    }
    return(name_margins(x, conditions))
  }
  at <- match(conditions, own)
  if (anyNA(at)) {
    absent <- conditions[is.na(at)]
    stop_mnmash(
      if (R == length(conditions)) "names" else "dimension", "`", name, "` is for ", R,
      " conditions, not for those of the ", whose, ": it lacks ", absent[1L],
      and_more(length(absent))
    )
  }
  if (is.unsorted(at)) {
    wrong <- which(conditions != own[at[order(at)]])[1L]
    stop_mnmash(
      "names", "`", name, "` has the conditions in another order than the ", whose, ": number ",
      wrong, " is ", own[sort(at)][wrong], ", not ", conditions[wrong], "; reorder its rows and ",
      "columns"
    )
  }
  name_margins(
    if (length(dim(x)) == 3L) x[at, at, , drop = FALSE] else x[at, at, drop = FALSE], conditions
  )
}

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
