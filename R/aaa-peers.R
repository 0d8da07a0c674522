# Arguments that functions of other packages have for the same model, and these do not.

# `given` are such arguments, as take_dots(..., also = names(table)) returns them. `table` has for
# each name `nothing`, a function of the value that is TRUE where it changes nothing here, and
# `say`, what is said then; another value is an error that says it too.
peer_arguments <- function(given, table) {
  for (word in names(given)) {
    entry <- table[[word]]
    if (isTRUE(entry$nothing(given[[word]]))) {
      tell_once("`", word, "` changes nothing here: ", entry$say)
    } else {
      stop_mnmash("argument", "`", word, "` cannot be used here: ", entry$say)
    }
  }
}

# Entries of such tables.
changes_nothing <- function(say) list(nothing = \(x) TRUE, say = say)

refused <- function(say) list(nothing = \(x) FALSE, say = say)

only <- function(value, say) {
  force(value)
  list(nothing = \(x) identical(x, value), say = say)
}

peer_verbose <- changes_nothing("the option `mnmash.progress` shows or hides progress")
