/* The fewest lines of C that load and call a model. */
#include <halcyon.h>
#include <stdio.h>

int main(int count, char** words) {
  halcyon_error error = HALCYON_INIT(halcyon_error);
  halcyon_registry* registry = NULL;
  halcyon_device* device = NULL;
  halcyon_program* program = NULL;
  halcyon_tensor *input = NULL, *output = NULL;
  const float x[] = {1, 2, 3, 4, 5, 6};
  const halcyon_shape shape = {HALCYON_F32, 2, {2, 3}};
  const halcyon_timepoints nothing = {NULL, 0};
  float y[4] = {0};
  uint32_t function = 0;

  const int failed = halcyon_registry_create(NULL, &registry, &error) || halcyon_registry_open(registry, "cpu", &device, &error) ||
                     halcyon_program_load(device, count > 1 ? words[1] : "hello.hcm", NULL, &program, &error) || /* maps the file */
                     halcyon_program_find_function(program, "main", &function, &error) ||
                     halcyon_tensor_stage(device, &shape, NULL, x, sizeof x, &input, &error) ||        /* host -> device */
                     halcyon_program_call(program, function, &input, 1, &output, 1, &error) ||         /* results stay there */
                     halcyon_tensor_read(output, y, sizeof y, nothing, HALCYON_NO_TIMEOUT, &error);    /* device -> host */
  if (failed)
    fprintf(stderr, "hello_c: %s: %s\n", halcyon_code_name(error.code), error.text);
  else
    printf("%g %g\n%g %g\n", y[0], y[1], y[2], y[3]);

  halcyon_tensor_release(output); /* in any order: each keeps what it needs */
  halcyon_tensor_release(input);
  halcyon_program_release(program);
  halcyon_device_release(device);
  halcyon_registry_release(registry);
  return failed ? 1 : 0;
}
