# What is passed by `...`: used or refused, never swallowed.

# To be called as `take_dots(...)` on the first line of an exported function or method with dots.
# An argument whose name is another word for one of the function's own (see `synonyms`) becomes that
# argument; both at once are an error, and so is anything else. `also` are names that the function
# takes from its dots itself, or TRUE if it hands on whatever is not its own: take_dots() returns
# these. `words` are other words of this function alone. An argument that has no default and was not
# given is an error too.
take_dots <- function(..., also = character(), words = NULL) {
  frame <- parent.frame()
  f <- sys.function(sys.parent())
  if (!...length()) {
    check_given(f, frame)
    return(list())
  }
  known <- setdiff(names(formals(f)), "...")
  dots <- list(...)
  given <- names(dots)
  if (is.null(given)) given <- rep("", length(dots))
  handed_on <- given %in% also
  for (i in which(!handed_on)) {
    word <- if (given[i] %in% names(words)) words[[given[i]]] else own_word(given[i], known)
    if (is.na(word)) {
      if (!isTRUE(also)) stop_unused(given[i], dots[[i]], c(known, also))
      handed_on[i] <- TRUE
      next
    }
    if (!eval(call("missing", as.name(word)), frame)) {
      stop_mnmash(
        "argument", "give `", word, "` or `", given[i], "`, not both: they are one argument"
      )
    }
    assign(word, dots[[i]], frame)
    note_typed(frame, word, given[i])
  }
  check_given(f, frame)
  dots[handed_on]
}

# An argument without a default must be there, unless the function asks itself whether it is; and if
# the first one is an object of this package, it must be whole. The first line where dots are not
# taken.
check_given <- function(f = sys.function(sys.parent()), frame = parent.frame()) {
  force(frame)
  arguments <- formals(f)
  for (word in setdiff(names(arguments), "...")) {
    if (!has_no_default(arguments[[word]])) next
    if (!eval(call("missing", as.name(word)), frame)) next
    asks <- any(grepl(paste0("missing(", word, ")"), deparse(body(f)), fixed = TRUE))
    if (!asks) stop_mnmash("argument", as_typed(word), " is needed")
  }
  first <- names(arguments)[1L]
  if (first == "..." || eval(call("missing", as.name(first)), frame)) return(invisible())
  check_whole(get(first, frame), first)
}

# What formals() has for an argument without a default is the empty name.
has_no_default <- function(value) is.name(value) && !nzchar(value)

# Arguments that are to be handed on to `f`: what it has no use for is an error here already.
check_handed_on <- function(f, dots) {
  check_given(sys.function(sys.parent()), parent.frame())
  known <- setdiff(names(formals(args(f))), "...")
  given <- names(dots)
  if (is.null(given)) given <- rep("", length(dots))
  for (i in seq_along(dots)) {
    if (!given[i] %in% known && is.na(own_word(given[i], known))) {
      stop_unused(given[i], dots[[i]], known)
    }
  }
}

# The function's own word for a peer's word, or NA.
own_word <- function(word, known) {
  if (!nzchar(word)) return(NA_character_)
  # A word that heads a row is that row's thing, even where another row has it as a synonym.
  others <- setdiff(known, names(synonyms))
  candidates <- names(synonyms)[vapply(synonyms, \(others) word %in% others, NA)]
  own <- intersect(candidates, known)
  # The same concept may have been given the peer's formal name: any other word of its row will do.
  for (row in candidates) own <- c(own, intersect(synonyms[[row]], others))
  if (word %in% names(synonyms)) own <- c(own, intersect(synonyms[[word]], others))
  if (length(own)) own[1L] else NA_character_
}

stop_unused <- function(name, value, known) {
  if (!nzchar(name)) {
    stop_mnmash(
      "argument", "there is an argument without a name that has no use here (",
      utils::head(deparse(value, nlines = 1L), 1L), "): name the arguments; there are ",
      paste0("`", known, "`", collapse = ", ")
    )
  }
  distance <- drop(utils::adist(name, known, ignore.case = TRUE))
  stop_mnmash(
    "argument", "there is no argument `", name, "`",
    if (min(distance) <= max(1, nchar(name) / 3)) {
      paste0(": did you mean `", known[which.min(distance)], "`?")
    } else {
      paste0(" here: there are ", paste0("`", known, "`", collapse = ", "))
    }
  )
}
