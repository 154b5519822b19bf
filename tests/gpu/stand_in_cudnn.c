/* The calls of cuDNN that binmorph/bench/peers/cudnn_int8.py makes: int8 convolutions, channels last. */
#include <stdlib.h>
#include <string.h>

typedef struct {
  int n[8];
} Descriptor;

static int failing;
void fail_with(int status) { failing = status; }

const char* cudnnGetErrorString(int status) { return status == 3 ? "BAD_PARAM" : "OTHER"; }
int cudnnCreate(void** handle) { return *handle = &failing, failing; }
static int create(Descriptor** d) { return *d = calloc(1, sizeof **d), 0; }
int cudnnCreateTensorDescriptor(Descriptor** d) { return create(d); }
int cudnnCreateFilterDescriptor(Descriptor** d) { return create(d); }
int cudnnCreateConvolutionDescriptor(Descriptor** d) { return create(d); }

static int set(Descriptor* d, const int* values, int count) {
  memcpy(d->n, values, sizeof(int) * (unsigned)count);
  return 0;
}
int cudnnSetTensor4dDescriptor(Descriptor* d, int layout, int type, int n, int c, int h, int w) {
  const int values[] = {n, c, h, w};
  return layout == 1 && type == 3 ? set(d, values, 4) : 3;
}
int cudnnSetFilter4dDescriptor(Descriptor* d, int type, int layout, int k, int c, int h, int w) {
  const int values[] = {k, c, h, w};
  return layout == 1 && type == 3 ? set(d, values, 4) : 3;
}
int cudnnSetConvolution2dDescriptor(Descriptor* d, int py, int px, int sy, int sx, int dy, int dx, int mode,
                                    int type) {
  const int values[] = {py, px, sy, sx};
  return dy == 1 && dx == 1 && mode == 1 && type == 4 ? set(d, values, 4) : 3;
}
int cudnnSetConvolutionMathType(Descriptor* d, int type) { return d != NULL && type == 1 ? 0 : 3; }
int cudnnSetStream(void* handle, void* stream) { return (void)stream, handle == &failing ? 0 : 3; }
int cudnnGetConvolutionForwardWorkspaceSize(void* handle, Descriptor* x, Descriptor* f, Descriptor* c,
                                            Descriptor* y, int algorithm, size_t* bytes) {
  *bytes = 64;
  return handle == &failing && x && f && c && y && algorithm == 1 ? 0 : 3;
}
int cudnnConvolutionForward(void* handle, const float* alpha, Descriptor* xd, const signed char* x,
                            Descriptor* fd, const signed char* f, Descriptor* cd, int algorithm, void* room,
                            size_t bytes, const float* beta, Descriptor* yd, signed char* y) {
  const int channels = xd->n[1], height = xd->n[2], width = xd->n[3], outputs = fd->n[0], kh = fd->n[2],
            kw = fd->n[3];
  if (handle != &failing || *alpha != 1 || *beta != 0 || algorithm != 1 || bytes != 64 ||
      channels != fd->n[1])
    return 3;
  if (failing != 0) return failing;
  memset(room, 1, bytes);
  for (int n = 0; n < yd->n[0]; ++n)
    for (int i = 0; i < yd->n[2]; ++i)
      for (int j = 0; j < yd->n[3]; ++j)
        for (int o = 0; o < outputs; ++o) {
          int sum = 0;
          for (int a = 0; a < kh; ++a)
            for (int b = 0; b < kw; ++b) {
              const int u = i * cd->n[2] + a - cd->n[0], v = j * cd->n[3] + b - cd->n[1];
              if (u < 0 || v < 0 || u >= height || v >= width) continue;
              for (int c = 0; c < channels; ++c)
                sum += x[((n * height + u) * width + v) * channels + c] *
                       f[((o * kh + a) * kw + b) * channels + c];
            }
          *y++ = (signed char)(sum > 127 ? 127 : sum < -128 ? -128 : sum);
        }
  return 0;
}
