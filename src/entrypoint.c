#include <setjmp.h>

#include <Rinternals.h>
#include <R_ext/Rdynload.h>
#include <R_ext/Utils.h>
#include <R_ext/Visibility.h>

/* The only C of the package: registration, and what may jump. R leaves a function by a jump when an
   error is raised, a limit of time is reached or the user presses Ctrl-C. A jump must not cross
   Rust: it is held here until Rust has returned, and goes on from R's side. */

void R_init_mnmash_extendr(void *dll);
void register_extendr_panic_hook(void);

static SEXP progress = NULL; /* what is told how much is done: a function, R's NULL, or nothing yet */
static SEXP held = NULL;     /* the jump that waits */
static SEXP spent = NULL;    /* the one before, which R may still read */

/* Units done, of a stage of the work. */
typedef struct {
  double done;
  int stage;
} Place;

static SEXP ask(void *data) {
  const Place *place = data;
  if (progress != NULL && progress != R_NilValue) {
    SEXP done = PROTECT(Rf_ScalarReal(place->done));
    SEXP stage = PROTECT(Rf_ScalarInteger(place->stage));
    Rf_eval(PROTECT(Rf_lang3(progress, done, stage)), R_GlobalEnv);
    UNPROTECT(3);
  }
  R_CheckUserInterrupt();
  return R_NilValue;
}

static void come_back(void *here, Rboolean jump) {
  if (jump) longjmp(*(jmp_buf *) here, 1);
}

/* Reports progress, and returns whether to go on. */
attribute_hidden int mnmash_go_on(double done, int stage) {
  jmp_buf here;
  Place place = {done, stage};
  if (held != NULL) return 0;
  SEXP token = R_MakeUnwindCont();
  R_PreserveObject(token);
  if (setjmp(here)) {
    held = token;
    return 0;
  }
  R_UnwindProtect(ask, &place, come_back, &here, token);
  R_ReleaseObject(token);
  return 1;
}

/* The jump that waits, if there is one, goes on. */
static SEXP resume(SEXP args) {
  (void) args;
  if (held == NULL) return R_NilValue;
  if (spent != NULL) R_ReleaseObject(spent);
  spent = held;
  held = NULL;
  R_ContinueUnwind(spent);
  return R_NilValue;
}

/* Sets what is told of progress, and returns what was. */
static SEXP watch(SEXP args) {
  SEXP before = progress == NULL ? R_NilValue : progress;
  PROTECT(before);
  if (progress != NULL) R_ReleaseObject(progress);
  progress = CADR(args);
  R_PreserveObject(progress);
  UNPROTECT(1);
  return before;
}

static const R_ExternalMethodDef routines[] = {
  {"mnmash_resume", (DL_FUNC) &resume, 0}, {"mnmash_watch", (DL_FUNC) &watch, 1}, {NULL, NULL, 0}
};

attribute_visible void R_init_mnmash(DllInfo *dll) {
  register_extendr_panic_hook();
  R_init_mnmash_extendr(dll);
  R_registerRoutines(dll, NULL, NULL, NULL, routines);
  R_useDynamicSymbols(dll, FALSE);
}
