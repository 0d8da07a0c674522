# Raises a classed error. `kind` says what was wrong, in one word: "dimension", "missing",
# "not_psd", "argument", ... The condition has classes mnmash_error_<kind> and mnmash_error.
# Messages name the argument and the place, say what was expected, and end without a full stop.
# `data` is a list of what else it carries.
stop_mnmash <- function(kind, ..., data = NULL, call = user_call()) {
  stop(structure(
    class = c(paste0("mnmash_error_", kind), "mnmash_error", "error", "condition"),
    c(list(message = valid_text(paste0(...)), call = call), data)
  ))
}

# Names of the user may have bytes that are no text: what reads the message would stop there.
valid_text <- function(x) {
  if (all(validUTF8(x))) return(x)
  iconv(x, "UTF-8", "UTF-8", sub = "byte")
}

# The same for warnings.
warn_mnmash <- function(kind, ..., data = NULL, call = user_call()) {
  warning(structure(
    class = c(paste0("mnmash_warning_", kind), "mnmash_warning", "warning", "condition"),
    c(list(message = paste0(...), call = call), data)
  ))
}

# Turns what Rust returned into a value, or into a classed condition.
from_rust <- function(x, call = user_call()) {
  if (!inherits(x, "extendr_error")) return(x)
  failure <- x$value
  if (failure$kind == "interrupted") {
    interrupted(structure(class = c("interrupt", "condition"), list(message = "", call = call)))
  }
  stop_mnmash(failure$kind, of_argument(failure, call), call = call)
}

# What the core says of something that the user did not name comes from the first argument.
of_argument <- function(failure, call) {
  message <- failure$message
  if (failure$kind %in% c("memory", "threads") || is.null(call)) return(message)
  arguments <- names(formals(args(match.fun(sys.function(user_frame_number())))))
  quoted <- regmatches(message, gregexpr("`[A-Za-z.][A-Za-z0-9._]*", message))[[1L]]
  typed <- c(arguments, names(call)[-1L])
  if (any(sub("^`", "", quoted) %in% typed) || !length(arguments)) return(message)
  paste0(as_typed(arguments[1L]), ": ", message)
}

# As Ctrl-C does.
interrupted <- function(signal) {
  signalCondition(signal)
  invokeRestart("abort")
}

# A number in a message, with commas between thousands whatever the decimal mark of the session.
number <- function(x) {
  format(x, big.mark = ",", decimal.mark = ".", trim = TRUE, scientific = FALSE)
}

# "1 unit", "20,000 units".
counted <- function(n, what) paste0(number(n), " ", what, if (!isTRUE(n == 1)) "s")

`%||%` <- function(a, b) if (is.null(a)) b else a
