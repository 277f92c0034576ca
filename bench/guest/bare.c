/* Returns at once, without a C library: nothing but what it is to be started and to end. */
__attribute__((naked, noreturn)) void _start(void) {
    __asm__("xor %edi, %edi\n mov $231, %eax\n syscall");
}
