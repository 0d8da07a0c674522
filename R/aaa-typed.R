# What the user calls an argument: the word that was typed, and the file that it was read from.
#
# `.typed` and `.files`, lists by our words, stand in the frames of the calls that know: take_dots()
# leaves there the other word that was given, known_as() and from_file() hold them while their code
# runs. They are gone with the call, and messages look from the innermost call outwards.
#
# Where no such note was left, and the word is no argument of the user's own call, it is one of an
# inner call: the user's is that which was handed on to it, call by call, by its name.

# An argument in a message, such as "`V`", or "`data$strong.b` ('input.rds')". `name` may go on with
# the place in it: "data$strong.b", "V[[2]]". A second one of the same file goes without it.
as_typed <- function(name, with_file = TRUE) {
  own <- sub("[^A-Za-z0-9._].*$", "", name)
  place <- substring(name, nchar(own) + 1L)
  file <- NULL
  for (frame in rev(sys.frames())) {
    if (is.null(file)) file <- noted(frame, ".files")[[own]]
    known <- noted(frame, ".typed")
    while (!is.null(typed <- known[[own]])) {
      known[[own]] <- NULL
      place <- paste0(sub("^[A-Za-z0-9._]+", "", typed), place)
      own <- sub("[^A-Za-z0-9._].*$", "", typed)
    }
  }
  handed <- handed_on(own, sys.nframe())
  if (!is.null(handed)) {
    own <- sub("[^A-Za-z0-9._].*$", "", handed)
    place <- paste0(substring(handed, nchar(own) + 1L), place)
    typed <- noted(user_frame(), ".typed")[[own]]
    if (!is.null(typed)) own <- typed
  }
  paste0("`", own, place, "`", if (with_file && !is.null(file)) paste0(" ('", file, "')"))
}

# Frames of other packages may have other things of this name.
noted <- function(frame, what) {
  found <- get0(what, frame, inherits = FALSE)
  if (is.list(found)) found
}

# Leaves in the frame of a call that its argument `word` was given as `typed`.
note_typed <- function(frame, word, typed) {
  frame$.typed <- c(frame$.typed, stats::setNames(list(typed), word))
}

# `code`, whose messages call arguments by other names: list(<our word> = <name>, ...).
known_as <- function(.typed, code) code

# `code`, whose messages say that the argument `name` was read from `file`, if that is a name.
from_file <- function(name, file, code) {
  .files <- if (is_file_name(file)) stats::setNames(list(file), name)
  code
}

is_file_name <- function(x) is.character(x) && length(x) == 1L && !is.na(x)
