#include <Rinternals.h>
#include <R_ext/Utils.h>
#include <R_ext/Visibility.h>

/* The only C of the package: registration, and the one call that may longjmp. */

void R_init_mnmash_extendr(void *dll);
void register_extendr_panic_hook(void);

static void check_interrupt(void *unused) {
  (void) unused;
  R_CheckUserInterrupt();
}

/* Returns 1 if the user asked to stop. The jump that R makes ends here, in C, never in Rust. */
attribute_hidden int mnmash_interrupted(void) {
  return R_ToplevelExec(check_interrupt, NULL) == FALSE;
}

attribute_visible void R_init_mnmash(void *dll) {
  register_extendr_panic_hook();
  R_init_mnmash_extendr(dll);
}
