# The calls between the user's and the place where something is found to be wrong.

# The call the user made, the outermost one of a function of this package, and its frame.
user_call <- function() {
  at <- user_frame_number()
  if (at) sys.call(at)
}

user_frame <- function() {
  at <- user_frame_number()
  if (at) sys.frame(at) else new.env()
}

user_frame_number <- function() {
  for (at in seq_len(sys.nframe())) {
    if (identical(environment(sys.function(at)), topenv())) return(at)
  }
  0L
}

# What the user's call had for an argument `word` of the innermost call that has one of this name,
# outside the frame `below`: NULL if the word is the user's own, or was not handed on by name.
handed_on <- function(word, below) {
  user <- user_frame_number()
  if (!user || word %in% words_of_call(user)) return(NULL)
  for (at in rev(seq_len(below - 1L))) {
    if (at <= user) break
    if (!word %in% words_of_call(at)) next
    found <- followed(word, at, user)
    if (!is.null(found)) return(found)
  }
  NULL
}

# The words that a call of this package takes.
words_of_call <- function(at) {
  f <- sys.function(at)
  if (!identical(environment(f), topenv())) return(character())
  c(names(formals(f)), names(sys.call(at)))
}

# From call to caller, up to the user's.
followed <- function(word, at, user) {
  place <- ""
  while (at > user) {
    call <- tryCatch(match.call(sys.function(at), sys.call(at)), error = \(e) NULL)
    given <- call[[word]]
    while (is_part(given)) {
      part <- deparse(given[[3L]])
      place <- paste0(if (is_dollar(given)) paste0("$", part) else paste0("[[", part, "]]"), place)
      given <- given[[2L]]
    }
    if (!is.name(given)) return(NULL)
    word <- as.character(given)
    at <- sys.parents()[at]
    if (at < user || !word %in% words_of_call(at)) return(NULL)
  }
  paste0(word, place)
}

# x$part, x[["part"]] or x[[1]].
is_part <- function(given) {
  if (!is.call(given) || length(given) != 3L) return(FALSE)
  is_dollar(given) || identical(given[[1L]], quote(`[[`)) && !is.language(given[[3L]])
}

is_dollar <- function(given) identical(given[[1L]], quote(`$`))
