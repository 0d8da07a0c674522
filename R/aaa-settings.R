# Settings that several functions share: one table for each model says what they are by default and
# how they are checked. Exported functions bundle their own once, by `checked_settings()`, and hand
# the list on.

# `given` is a list by name, `table` a list by name of list(default, check), where the check takes a
# value and its name and returns the value in its canonical form. Other words of `synonyms` are
# understood; a name that is not in the table is an error.
checked_settings <- function(given, table) {
  given <- own_words(given, names(table))
  lapply(stats::setNames(nm = names(table)), \(word) {
    x <- if (word %in% names(given)) given[[word]] else table[[word]][[1L]]
    table[[word]][[2L]](x, name = word)
  })
}

# The elements of a list under the `known` words for them.
own_words <- function(given, known) {
  frame <- parent.frame()
  words <- names(given)
  if (is.null(words)) words <- rep("", length(given))
  for (i in which(!words %in% known)) {
    word <- own_word(words[i], known)
    if (is.na(word)) stop_unused(words[i], given[[i]], known)
    note_typed(frame, word, words[i])
    words[i] <- word
  }
  twice <- anyDuplicated(words)
  if (twice) {
    stop_mnmash("argument", "give `", words[twice], "` once, under one name")
  }
  stats::setNames(given, words)
}

# Checks for such tables.
one_of <- function(choices) {
  force(choices)
  \(x, name) match_choice(x, choices, name)
}

at_least <- function(lower, upper = Inf) {
  force(lower)
  force(upper)
  \(x, name) check_number(x, lower, upper, name = name)
}

as_given <- function(x, name) x
