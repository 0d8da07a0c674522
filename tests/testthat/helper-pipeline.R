extdata <- function(file) system.file("extdata", file, package = "mnmash", mustWork = TRUE)

# Runs the command line in this session: its exit status, and what it said.
run_cli <- function(...) {
  said <- character()
  output <- utils::capture.output(
    status <- withCallingHandlers(
      mnmash_cli(c(...)),
      message = \(m) {
        said <<- c(said, conditionMessage(m))
        invokeRestart("muffleMessage")
      }
    )
  )
  list(status = status, said = paste(said, collapse = ""), output = paste(output, collapse = "\n"))
}
