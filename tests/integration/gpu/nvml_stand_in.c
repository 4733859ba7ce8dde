/* A stand-in for NVIDIA's libnvidia-ml.so.1 on a machine without a card.
 *
 * Speaks the calls that hsid makes. What it says is in the file that NVML_STAND_IN names, read anew
 * with each call: lines of a word and a number.
 *
 *   cards N     how many cards there are; 0 without the line
 *   init C      nvmlInit answers with the error code C
 *   power C     the power of a card can't be had: code C
 *   lost I      card I can't be reached: each call about it answers C of "code C", or 15
 *   used P      P percent of each card's memory are taken; 50 without the line
 *   hang 1      the next call about a card never returns
 *   abort 1     the next call about a card ends the process
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SUCCESS = 0, INVALID_ARGUMENT = 2, GPU_IS_LOST = 15 };

typedef struct { unsigned long long total, free, used; } memory_t;
typedef struct { unsigned int gpu, memory; } utilization_t;
typedef struct { unsigned int number; } card_t;

static card_t cards[8];

static int told(const char *word, int otherwise)
{
    const char *path = getenv("NVML_STAND_IN");
    FILE *file = path ? fopen(path, "r") : NULL;
    char name[64];
    int value, found = otherwise;
    if (!file)
        return otherwise;
    while (fscanf(file, "%63s %d", name, &value) == 2)
        if (!strcmp(name, word))
            found = value;
    fclose(file);
    return found;
}

static int reach(unsigned int number)
{
    if (told("hang", 0))
        for (;;)
            pause();
    if (told("abort", 0))
        abort();
    return told("lost", -1) == (int)number ? told("code", GPU_IS_LOST) : SUCCESS;
}

int nvmlInitWithFlags(unsigned int flags) { (void)flags; return told("init", SUCCESS); }
int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
int nvmlShutdown(void) { return SUCCESS; }
const char *nvmlErrorString(int code) { (void)code; return "an error of the stand-in"; }

int nvmlDeviceGetCount_v2(unsigned int *count)
{
    *count = told("cards", 0);
    return SUCCESS;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned int number, card_t **card)
{
    if (number >= sizeof cards / sizeof *cards)
        return INVALID_ARGUMENT;
    cards[number].number = number;
    *card = &cards[number];
    return reach(number);
}

int nvmlDeviceGetName(card_t *card, char *name, unsigned int length)
{
    snprintf(name, length, "Stand-in %u", card->number);
    return reach(card->number);
}

int nvmlDeviceGetUUID(card_t *card, char *uuid, unsigned int length)
{
    snprintf(uuid, length, "GPU-%u", card->number);
    return reach(card->number);
}

int nvmlDeviceGetMemoryInfo(card_t *card, memory_t *memory)
{
    memory->total = 8000000000;
    memory->used = memory->total / 100 * told("used", 50);
    memory->free = memory->total - memory->used;
    return reach(card->number);
}

int nvmlDeviceGetUtilizationRates(card_t *card, utilization_t *rates)
{
    rates->gpu = 25;
    rates->memory = 10;
    return reach(card->number);
}

int nvmlDeviceGetTemperature(card_t *card, unsigned int sensor, unsigned int *celsius)
{
    (void)sensor;
    *celsius = 40 + card->number;
    return reach(card->number);
}

int nvmlDeviceGetPowerUsage(card_t *card, unsigned int *milliwatts)
{
    int code = told("power", SUCCESS);
    *milliwatts = 70500;
    return code ? code : reach(card->number);
}
