// libpng's simplified interface (png_image_*) needs no setjmp, so Swift can call it directly.
#include <png.h>
