# Names survive every call: each argument with names along a dimension, of every exported function
# and of the methods that take data, is put in another order, given a wrong name, or one more.

alignment_all_tries <- function() {
  found <- list()
  try_all <- function(name, f, given) {
    expected <- alignment_call(f, given)
    if (inherits(expected, "error")) {
      return(list(list(
        label = paste(name, "*", "*", "valid"),
        said = paste("error:", conditionMessage(expected))
      )))
    }
    tries <- Filter(\(try) is.finite(allowed_move(try)), alignment_tries(name, given))
    lapply(tries, \(try) list(
      label = paste(name, try$argument, try$dimension, try$what),
      said = alignment_outcome(try, f, expected)
    ))
  }
  calls <- fuzz_calls()
  for (name in names(calls)) {
    given <- fuzz_arguments(name, calls[[name]])
    changes <- alignment_changes[[name]]
    given[names(changes)] <- changes
    found <- c(found, try_all(name, getExportedValue("mnmash", name), given))
  }
  methods <- method_calls(calls)
  for (name in names(methods)) {
    call <- methods[[name]]
    found <- c(found, try_all(name, get(call$generic), call$arguments))
  }
  data.frame(label = vapply(found, `[[`, "", "label"), said = vapply(found, `[[`, "", "said"))
}

test_that("what has names is matched by name, in every function that takes it", {
  alignment_known <- known_failures("names")
  withr::local_pdf(NULL)
  withr::local_dir(withr::local_tempdir())
  found <- alignment_all_tries()
  failing <- found$label[found$said != ""]
  said <- stats::setNames(found$said, found$label)
  for (label in setdiff(failing, alignment_known)) fail(paste0(label, ": ", said[[label]]))
  # What is mended leaves the list.
  expect_identical(intersect(alignment_known, found$label[found$said == ""]), character())
  expect_identical(setdiff(alignment_known, found$label), character())
  places <- unique(sub(" [a-z]+$", "", found$label))
  message(length(places), " dimensions with names tried in ", nrow(found), " ways, ",
          length(failing), " failing")
  expect_gt(length(places), 100)
  record <- Sys.getenv("MNMASH_ALIGNMENT")
  if (nzchar(record)) {
    writeLines(sort(paste(failing, said[failing], sep = "\t")), record)
  }
})
